"""An engine's refusal, said again in our words: one envelope, stable codes, nothing of the engine's insides.

Shapes seen: vLLM `{"error": {message, type, param, code: <status>}}`, FastAPI's `{"detail": ...}`, llama.cpp like vLLM.
"""

import re
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from appliance.base.errors import (
    ApplianceError,
    BadRequest,
    ContextTooLong,
    EngineTimeout,
    RateLimited,
    TooLarge,
    Unavailable,
)
from appliance.gateway.faults import EngineFailed
from appliance.gateway.json_objects import as_object, parse_object

RETRY_AFTER_SECONDS = 2.0
MAX_MESSAGE = 1000
TOO_LONG = re.compile(r"maximum (context|model) length|exceeds the available context", re.IGNORECASE)
TRAILER = re.compile(r"\s*\(parameter=[^()]*\)\s*$")
VALIDATION = re.compile(
    r"^\d+ validation errors?:.*?'loc': '(?P<loc>[^']*)', 'msg': (?P<quote>['\"])(?P<said>.*?)(?P=quote),", re.DOTALL
)
PROMPT_PARAMS = ("input_text", "input_tokens", "prompt_token_ids")


@dataclass(frozen=True)
class Refusal:
    """What an engine gave as its reason; both None where it gave none."""

    message: str | None = None
    param: str | None = None


def from_engine(status: int, *, body: bytes, content_field: str) -> ApplianceError:
    """The error to give the client for an answer with `status` of 400 or more; `content_field` is what holds the
    prompt.
    """
    match status:
        case 408 | 504:
            return EngineTimeout("The engine took too long over this request.")
        case 429:
            return RateLimited("The engine is full; try again soon.", retry_after_seconds=RETRY_AFTER_SECONDS)
        case 404 | 503:  # 404: the engine does not (yet) know the model that the route says it serves
            return Unavailable("The engine is not ready for this model.", retry_after_seconds=RETRY_AFTER_SECONDS)
        case _ if status >= 500 and status != 501:
            return EngineFailed()
        case _:
            refusal = parse_refusal(body)
            if status == 413:
                return TooLarge(refusal.message or "The engine refused the request as too large.")
            return refused(refusal, content_field=content_field)


def from_frame(chunk: dict[str, Any], *, content_field: str) -> ApplianceError:
    """The same for an error frame in a stream; vLLM puts the status into `code`."""
    code = (as_object(chunk.get("error")) or {}).get("code")
    if not isinstance(code, int) or not 400 <= code < 500:
        return EngineFailed()
    return refused(read_refusal(chunk), content_field=content_field)


def refused(refusal: Refusal, *, content_field: str) -> BadRequest:
    message = refusal.message or "The engine refused this request."
    param = content_field if refusal.param in PROMPT_PARAMS else refusal.param
    if TOO_LONG.search(message):
        return ContextTooLong(message, param=param)
    return BadRequest(message, param=param)


def parse_refusal(body: bytes) -> Refusal:
    try:
        return read_refusal(parse_object(body))
    except ValueError:
        return Refusal()


def read_refusal(parsed: dict[str, Any]) -> Refusal:
    """vLLM lists pydantic's findings as text; the first one is said plainly, with the path of the field as `param`."""
    error = as_object(parsed.get("error")) or parsed
    message, param = error.get("message", error.get("detail")), error.get("param")
    if not isinstance(message, str) or not message:
        return Refusal()
    field = plain_param(param) if isinstance(param, str) else None
    finding = VALIDATION.match(message)
    if finding:
        field = plain_param(finding["loc"])
        return Refusal(f"'{field}': {finding['said']}."[:MAX_MESSAGE], field)
    return Refusal(TRAILER.sub("", message)[:MAX_MESSAGE], field)


def plain_param(location: str) -> str | None:
    """`body.messages.0.SomeModelOfTheEngine.content` is `messages.0` to a client."""
    parts = location.removeprefix("body.").split(".")
    plain = list(takewhile(lambda part: part[:1].islower() or part.isdigit(), parts))
    return ".".join(plain) or None
