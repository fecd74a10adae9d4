"""What a client sent, judged just enough: is it JSON, which model, streamed or not, how much it may cost.

Everything else is the engine's to judge; unknown fields pass. The bytes pass too, unless usage has to be asked for.
"""

import json
from dataclasses import dataclass
from typing import Any

from appliance.base.contracts.snapshot import Task
from appliance.base.errors import BadRequest
from appliance.gateway.json_objects import as_list, as_object, parse_object

BYTES_PER_TOKEN = 4
MAX_CHOICES = 128
CHAT = "/v1/chat/completions"
COMPLETIONS = "/v1/completions"
EMBEDDINGS = "/v1/embeddings"
TASK_OF: dict[str, Task] = {CHAT: "chat", COMPLETIONS: "chat", EMBEDDINGS: "embedding"}
CONTENT_FIELD = {CHAT: "messages", COMPLETIONS: "prompt", EMBEDDINGS: "input"}
ASK_FOR_USAGE = b'{"stream_options":{"include_usage":true},'


@dataclass(frozen=True)
class ParsedRequest:
    """`body` is what the engine is sent; `keep_usage` says whether the client wants to see the usage frame. `user` is
    OpenAI's word for the person behind the client.
    """

    model: str
    stream: bool
    keep_usage: bool
    body: bytes
    prompt_tokens: int
    completion_tokens: int | None
    user: str | None = None


def parse_request(path: str, *, body: bytes) -> ParsedRequest:
    """Raises BadRequest with the name of the wrong field in `param`."""
    fields = parse_fields(body)
    model = fields.get("model")
    if not isinstance(model, str) or not model:
        raise wrong_type(fields, "model", "the name of a model")
    check_content(path, fields)
    stream = path != EMBEDDINGS and flag(fields, "stream")
    options = as_object(fields.get("stream_options"))
    if options is None and fields.get("stream_options") is not None:
        raise wrong_type(fields, "stream_options", "an object")
    keep_usage = bool(options and options.get("include_usage"))
    user = fields.get("user")
    return ParsedRequest(
        model=model,
        stream=stream,
        keep_usage=keep_usage,
        body=with_usage(body, fields) if stream and not keep_usage else body,
        prompt_tokens=max(1, len(body) // BYTES_PER_TOKEN),
        completion_tokens=0 if path == EMBEDDINGS else asked_tokens(fields),
        user=user if isinstance(user, str) else None,
    )


def parse_fields(body: bytes) -> dict[str, Any]:
    """The JSON object in `body`: UTF-8, at most 200 levels deep, no NaN or Infinity."""
    try:
        return parse_object(body, allow_inf_nan=False)
    except ValueError as error:
        raise BadRequest(f"The body is not valid JSON: {error}.", code="invalid_json") from error


def check_content(path: str, fields: dict[str, Any]) -> None:
    """`messages`, `prompt` or `input` is there and is text or a list."""
    name = CONTENT_FIELD[path]
    value = fields.get(name)
    if path == CHAT:
        check_messages(fields, as_list(value))
    elif not isinstance(value, (str, list)) or not value:
        raise wrong_type(fields, name, "text or a list, and not empty")


def check_messages(fields: dict[str, Any], messages: list[Any] | None) -> None:
    if not messages:
        raise wrong_type(fields, "messages", "a list with at least one message")
    for index, message in enumerate(messages):
        role = (as_object(message) or {}).get("role")
        if not isinstance(role, str):
            name = f"messages[{index}]"
            raise BadRequest(f"'{name}' has to be an object with a role.", param=name, code="invalid_type")


def flag(fields: dict[str, Any], name: str) -> bool:
    value = fields.get(name)
    if value is not None and not isinstance(value, bool):
        raise wrong_type(fields, name, "true or false")
    return bool(value)


def asked_tokens(fields: dict[str, Any]) -> int | None:
    """The most tokens that the answer may have, over all choices; None where the client set no limit."""
    choices = positive(fields, "n") or 1
    if choices > MAX_CHOICES:
        raise BadRequest(f"'n' is at most {MAX_CHOICES}.", param="n")
    newer, older = positive(fields, "max_completion_tokens"), positive(fields, "max_tokens")
    limit = newer if newer is not None else older
    return None if limit is None else limit * choices


def positive(fields: dict[str, Any], name: str) -> int | None:
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise wrong_type(fields, name, "a whole number of at least 0")
    return value


def with_usage(body: bytes, fields: dict[str, Any]) -> bytes:
    """Ask the engine for the usage frame: spliced in where the client gave no options, else written anew."""
    if "stream_options" not in fields:
        return ASK_FOR_USAGE + body.lstrip()[1:]
    options = as_object(fields["stream_options"]) or {}
    asked = {**options, "include_usage": True, "continuous_usage_stats": False}
    return json.dumps({**fields, "stream_options": asked}, ensure_ascii=False).encode()


def wrong_type(fields: dict[str, Any], name: str, wanted: str) -> BadRequest:
    if fields.get(name) is None:
        return BadRequest(f"'{name}' is missing; it has to be {wanted}.", param=name, code="missing_field")
    return BadRequest(f"'{name}' has to be {wanted}.", param=name, code="invalid_type")
