"""A chat completion as Anthropic's message: whole, or as its stream of events.

Events: https://docs.anthropic.com/en/docs/build-with-claude/streaming. One block is open at a time; `message_delta`
carries the reason of the end and the usage, so it waits for the engine's usage frame.
"""

from typing import Any

from pydantic_core import from_json, to_json

from appliance.base.errors import ApplianceError
from appliance.gateway.json_objects import as_object
from appliance.gateway.sse import TokenUsage
from appliance.gateway.wire.chat_answers import Piece, ToolPiece, chunks_of, parse_chat
from appliance.gateway.wire.errors import AnthropicVoice
from appliance.gateway.wire.fields import Fields

REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}
PING = b'event: ping\ndata: {"type":"ping"}\n\n'


class MessageTurn:
    """`stops` are the stop sequences of the request: an engine that says which one ended the answer is believed."""

    def __init__(self, request_id: str, *, model: str, stops: tuple[str, ...]) -> None:
        self._request_id = request_id
        self._model = model
        self._stops = stops
        self._started = False
        self._blocks = 0
        self._open: str | None = None
        self._tools: dict[int, int] = {}
        self._reason: str | None = None
        self._stop: str | None = None
        self._usage: TokenUsage | None = None

    async def whole(self, body: bytes) -> bytes:
        piece = parse_chat(body)
        self._note(piece)
        content: list[Fields] = []
        if piece.reasoning:
            content.append({"type": "thinking", "thinking": piece.reasoning, "signature": ""})
        if piece.text:
            content.append({"type": "text", "text": piece.text})
        content += [tool_use(call, arguments=arguments_of(call)) for call in piece.tools]
        if piece.tools:
            self._tools[0] = 0
        return to_json({**self._message(content), **self._ending(), "usage": usage_of(piece.usage)})

    def feed(self, frames: bytes) -> bytes:
        written: list[bytes] = []
        for piece in chunks_of(frames):
            self._note(piece)
            if not self._started:
                self._started = True
                written += [self._start(piece), PING]
            if piece.reasoning:
                written += self._say("thinking", {"type": "thinking_delta", "thinking": piece.reasoning})
            if piece.text:
                written += self._say("text", {"type": "text_delta", "text": piece.text})
            for call in piece.tools:
                written += self._call(call)
        return b"".join(written)

    async def close(self) -> bytes:
        if not self._started:
            return self._start(Piece()) + await self._end()
        return await self._end()

    def fail(self, error: ApplianceError) -> bytes:
        return AnthropicVoice(self._request_id).frame(error)

    async def _end(self) -> bytes:
        delta = event("message_delta", {"delta": self._ending(), "usage": usage_of(self._usage)})
        return b"".join([*self._shut(), delta, event("message_stop", {})])

    def _note(self, piece: Piece) -> None:
        self._reason = piece.finish_reason or self._reason
        self._stop = piece.stop or self._stop
        self._usage = piece.usage or self._usage

    def _start(self, piece: Piece) -> bytes:
        """The prompt's tokens are known at once where the engine counts as it goes (vLLM), else at the end."""
        usage = {**usage_of(piece.usage), "output_tokens": 0}
        message = {**self._message([]), "stop_reason": None, "stop_sequence": None, "usage": usage}
        return event("message_start", {"message": message})

    def _message(self, content: list[Fields]) -> Fields:
        return {
            "id": self._request_id.replace("req-", "msg_", 1),
            "type": "message",
            "role": "assistant",
            "model": self._model,
            "content": content,
        }

    def _ending(self) -> Fields:
        if self._stop is not None and self._stop in self._stops:
            return {"stop_reason": "stop_sequence", "stop_sequence": self._stop}
        if self._tools and self._reason in ("stop", "tool_calls"):
            return {"stop_reason": "tool_use", "stop_sequence": None}
        return {"stop_reason": REASONS.get(self._reason or "stop", "end_turn"), "stop_sequence": None}

    def _say(self, kind: str, delta: Fields) -> list[bytes]:
        written: list[bytes] = []
        if self._open != kind:
            empty: Fields = {"type": kind, kind: ""}
            if kind == "thinking":
                empty["signature"] = ""
            written = self._begin(kind, empty)
        return [*written, event("content_block_delta", {"index": self._blocks - 1, "delta": delta})]

    def _call(self, call: ToolPiece) -> list[bytes]:
        written: list[bytes] = []
        if call.index not in self._tools:
            written = self._begin(f"tool {call.index}", tool_use(call, arguments={}))
            self._tools[call.index] = self._blocks - 1
        if call.arguments:
            delta = {"type": "input_json_delta", "partial_json": call.arguments}
            written.append(event("content_block_delta", {"index": self._tools[call.index], "delta": delta}))
        return written

    def _begin(self, kind: str, block: Fields) -> list[bytes]:
        written = self._shut()
        self._open = kind
        self._blocks += 1
        return [*written, event("content_block_start", {"index": self._blocks - 1, "content_block": block})]

    def _shut(self) -> list[bytes]:
        if self._open is None:
            return []
        self._open = None
        return [event("content_block_stop", {"index": self._blocks - 1})]


def tool_use(call: ToolPiece, *, arguments: Any) -> Fields:
    return {
        "type": "tool_use",
        "id": call.call_id or f"toolu_{call.index}",
        "name": call.name or "",
        "input": arguments,
    }


def arguments_of(call: ToolPiece) -> Fields:
    """What the model wrote, as the object that Anthropic's shape wants; kept as text where it is none."""
    try:
        found = as_object(from_json(call.arguments or "{}"))
    except ValueError:
        found = None
    return {"arguments": call.arguments} if found is None else found


def usage_of(usage: TokenUsage | None) -> Fields:
    """Anthropic counts what came from the cache apart, and not within `input_tokens`."""
    counted = usage or TokenUsage(0, 0)
    return {
        "input_tokens": max(0, counted.prompt_tokens - counted.cached_tokens),
        "output_tokens": counted.completion_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": counted.cached_tokens,
    }


def event(kind: str, content: Fields) -> bytes:
    return b"event: " + kind.encode() + b"\ndata: " + to_json({"type": kind, **content}) + b"\n\n"
