"""A streamed chat as a client has it: through the public port with an API key, timed at the receiving end."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from appliance.base import clock
from appliance.base.errors import ApplianceError, Unavailable

CHAT_MODEL = "sails-guide"
TIMEOUT = httpx.Timeout(300.0, connect=5.0)
DATA = "data: "

Message = Mapping[str, str]


class ChatRefused(ApplianceError):
    """The gateway's own words; `http_status` says whether waiting can help."""

    code = "chat_refused"

    def __init__(self, message: str, *, http_status: int, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.http_status = http_status


@dataclass(frozen=True)
class Reply:
    """`tokens_per_second` counts the whole answer, the wait for its first token included: what a reader sees.

    From the first token to the last would be truer to the engine, but on a busy box both may arrive in one piece.
    """

    text: str
    completion_tokens: int
    first_token_seconds: float
    total_seconds: float

    @property
    def tokens_per_second(self) -> float:
        return self.completion_tokens / self.total_seconds if self.total_seconds > 0 else 0.0


@dataclass(frozen=True)
class ChatClient:
    """Where to ask, and with which key. `verify` is off for the box's own certificate on loopback."""

    url: str
    api_key: str
    verify: bool = True

    def ask(
        self, messages: Sequence[Message], *, model: str, on_text: Callable[[str], None], max_tokens: int | None = None
    ) -> Reply:
        """Stream one reply; raises ChatRefused when the gateway refuses, Unavailable when nobody answers."""
        body: dict[str, Any] = {
            "model": model,
            "messages": list(messages),
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if max_tokens is not None:
            body["max_tokens"] = max_tokens
        began = clock.monotonic()
        try:
            with self.client() as client, client.stream("POST", "/v1/chat/completions", json=body) as answer:
                if not answer.is_success:
                    raise refusal(answer)
                return collect(events(answer.iter_lines()), began=began, on_text=on_text)
        except httpx.HTTPError as error:
            raise Unavailable(
                f"{self.url} does not answer ({type(error).__name__}).", hint="See `appliance status`."
            ) from error

    def client(self) -> httpx.Client:
        return httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {self.api_key}"},
            timeout=TIMEOUT,
            trust_env=False,
            verify=self.verify,
        )


def events(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    """The JSON of each server-sent event up to `[DONE]`."""
    for line in lines:
        if line.startswith(DATA) and line != f"{DATA}[DONE]":
            yield json.loads(line.removeprefix(DATA))


def collect(chunks: Iterator[dict[str, Any]], *, began: float, on_text: Callable[[str], None]) -> Reply:
    """Hand each piece on as it comes. Without a usage chunk, pieces stand for tokens."""
    pieces: list[str] = []
    first, last, tokens = 0.0, 0.0, 0
    for chunk in chunks:
        if "error" in chunk:
            raise ChatRefused(str(chunk["error"].get("message", chunk["error"])), http_status=200)
        text = "".join(choice["delta"].get("content") or "" for choice in chunk.get("choices", []))
        if text:
            last = clock.monotonic() - began
            first = first or last
            pieces.append(text)
            on_text(text)
        usage: dict[str, Any] = chunk.get("usage") or {}
        tokens = int(usage.get("completion_tokens", tokens))
    return Reply("".join(pieces), tokens or len(pieces), first_token_seconds=first, total_seconds=last)


def refusal(answer: httpx.Response) -> ChatRefused:
    raw = answer.read()
    try:
        error = json.loads(raw)["error"]
        return ChatRefused(str(error["message"]), http_status=answer.status_code, code=error.get("code"))
    except (ValueError, KeyError, TypeError):
        return ChatRefused(f"The gateway answered HTTP {answer.status_code}.", http_status=answer.status_code)
