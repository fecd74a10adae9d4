"""Chat completions as engines answer them, read with types: the ground on which other wires' answers are built.

Engines differ in the name of the reasoning (`reasoning_content`, newer vLLM `reasoning`) and in whether they say which
stop string ended the answer (vLLM's `stop_reason`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from appliance.gateway.faults import EngineBroken
from appliance.gateway.json_objects import as_list, as_object, parse_object
from appliance.gateway.sse import END, PREFIX, TokenUsage, parse_usage
from appliance.gateway.wire.fields import Fields

DONE_FRAME = b"[DONE]"


@dataclass(frozen=True)
class ToolPiece:
    """Part of a tool call; `name` and `call_id` come once, `arguments` in fragments."""

    index: int
    call_id: str | None
    name: str | None
    arguments: str


@dataclass(frozen=True)
class Piece:
    """What one chunk, or a whole message, says of the first choice."""

    text: str = ""
    reasoning: str = ""
    tools: tuple[ToolPiece, ...] = ()
    finish_reason: str | None = None
    stop: str | None = None
    logprobs: tuple[Any, ...] = ()
    usage: TokenUsage | None = None
    reasoning_tokens: int = 0


def parse_chat(body: bytes) -> Piece:
    """A whole chat completion; raises EngineBroken where it is none."""
    try:
        answer = parse_object(body)
    except ValueError as error:
        raise EngineBroken("the engine's answer is not a JSON object") from error
    if not as_list(answer.get("choices")):
        raise EngineBroken("the engine's answer has no choices")
    return read_piece(answer, field="message")


def chunks_of(frames: bytes) -> Iterator[Piece]:
    """The chunks in whole frames, without `[DONE]` and comments; raises EngineBroken on what is not JSON."""
    for frame in frames.split(END):
        content = frame.strip()
        if not content.startswith(PREFIX):
            continue
        content = content[len(PREFIX) :].strip()
        if content == DONE_FRAME:
            continue
        try:
            yield read_piece(parse_object(content), field="delta")
        except ValueError as error:
            raise EngineBroken("the engine sent a frame that is not JSON") from error


def read_piece(answer: Fields, *, field: str) -> Piece:
    usage = answer.get("usage")
    counted, thought = parse_usage(usage), reasoning_tokens(usage)
    choices = as_list(answer.get("choices"))
    choice = as_object(choices[0]) if choices else None
    if choice is None:
        return Piece(usage=counted, reasoning_tokens=thought)
    said = as_object(choice.get(field)) or {}
    return Piece(
        text=text(said.get("content")) or text(said.get("refusal")),
        reasoning=text(said.get("reasoning_content")) or text(said.get("reasoning")),
        tools=tuple(tool_pieces(as_list(said.get("tool_calls")) or [])),
        finish_reason=choice.get("finish_reason"),
        stop=choice.get("stop_reason") if isinstance(choice.get("stop_reason"), str) else None,
        logprobs=tuple(as_list((as_object(choice.get("logprobs")) or {}).get("content")) or ()),
        usage=counted,
        reasoning_tokens=thought,
    )


def tool_pieces(calls: list[Any]) -> Iterator[ToolPiece]:
    for place, value in enumerate(calls):
        call = as_object(value) or {}
        function = as_object(call.get("function")) or {}
        index = call.get("index")
        yield ToolPiece(
            index=index if isinstance(index, int) else place,
            call_id=text(call.get("id")) or None,
            name=text(function.get("name")) or None,
            arguments=text(function.get("arguments")),
        )


def reasoning_tokens(usage: object) -> int:
    details = as_object((as_object(usage) or {}).get("completion_tokens_details")) or {}
    found = details.get("reasoning_tokens")
    return found if isinstance(found, int) else 0


def text(value: object) -> str:
    return value if isinstance(value, str) else ""
