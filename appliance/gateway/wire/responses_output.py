"""The output items of a response while they grow: a message, reasoning, a function call. Each knows its events."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any

from appliance.gateway.wire.fields import Fields
from appliance.gateway.wire.responses_object import Wanted


class Item(ABC):
    """`key` tells items of one answer apart; `finish` may be called again and then does nothing."""

    def __init__(self, key: str, *, item_id: str, index: int) -> None:
        self.key = key
        self._id = item_id
        self._index = index
        self._said: list[str] = []
        self._finished = False

    @property
    def _text(self) -> str:
        return "".join(self._said)

    @property
    def _status(self) -> str:
        return "completed" if self._finished else "in_progress"

    @property
    def _place(self) -> Fields:
        return {"item_id": self._id, "output_index": self._index}

    @abstractmethod
    def content(self) -> Fields:
        """The item as it is now."""

    @abstractmethod
    def add(self, said: str, *, logprobs: list[Any] | None = None) -> Iterator[Fields]:
        """What the engine said next."""

    @abstractmethod
    def _ending(self) -> Iterator[Fields]: ...

    def opening(self) -> Iterator[Fields]:
        yield {"type": "response.output_item.added", "output_index": self._index, "item": self.content()}

    def finish(self) -> list[Fields]:
        """The events of its end."""
        if self._finished:
            return []
        self._finished = True
        done = {"type": "response.output_item.done", "output_index": self._index, "item": self.content()}
        return [*self._ending(), done]


class Message(Item):
    def __init__(self, key: str, *, item_id: str, index: int) -> None:
        super().__init__(key, item_id=item_id, index=index)
        self._logprobs: list[Any] = []

    def content(self) -> Fields:
        parts = [self._part()] if self._said else []
        return {"id": self._id, "type": "message", "role": "assistant", "status": self._status, "content": parts}

    def opening(self) -> Iterator[Fields]:
        yield from super().opening()
        yield {"type": "response.content_part.added", **self._place, "content_index": 0, "part": self._part()}

    def add(self, said: str, *, logprobs: list[Any] | None = None) -> Iterator[Fields]:
        found = logprobs or []
        self._said.append(said)
        self._logprobs += found
        place = {**self._place, "content_index": 0}
        yield {"type": "response.output_text.delta", **place, "delta": said, "logprobs": found}

    def _ending(self) -> Iterator[Fields]:
        place = {**self._place, "content_index": 0}
        yield {"type": "response.output_text.done", **place, "text": self._text, "logprobs": self._logprobs}
        yield {"type": "response.content_part.done", **place, "part": self._part()}

    def _part(self) -> Fields:
        return {"type": "output_text", "text": self._text, "annotations": [], "logprobs": self._logprobs}


class Reasoning(Item):
    def content(self) -> Fields:
        parts = [self._part()] if self._said else []
        return {"id": self._id, "type": "reasoning", "summary": [], "content": parts, "status": self._status}

    def opening(self) -> Iterator[Fields]:
        yield from super().opening()
        yield {"type": "response.content_part.added", **self._place, "content_index": 0, "part": self._part()}

    def add(self, said: str, *, logprobs: list[Any] | None = None) -> Iterator[Fields]:  # noqa: ARG002  of messages only
        self._said.append(said)
        yield {"type": "response.reasoning_text.delta", **self._place, "content_index": 0, "delta": said}

    def _ending(self) -> Iterator[Fields]:
        place = {**self._place, "content_index": 0}
        yield {"type": "response.reasoning_text.done", **place, "text": self._text}
        yield {"type": "response.content_part.done", **place, "part": self._part()}

    def _part(self) -> Fields:
        return {"type": "reasoning_text", "text": self._text}


class FunctionCall(Item):
    def __init__(self, key: str, *, item_id: str, index: int, name: str, call_id: str) -> None:
        super().__init__(key, item_id=item_id, index=index)
        self._named: Fields = {"call_id": call_id, "name": name}

    def content(self) -> Fields:
        return {
            "id": self._id,
            "type": "function_call",
            **self._named,
            "arguments": self._text,
            "status": self._status,
        }

    def add(self, said: str, *, logprobs: list[Any] | None = None) -> Iterator[Fields]:  # noqa: ARG002
        self._said.append(said)
        yield {"type": "response.function_call_arguments.delta", **self._place, "delta": said}

    def _ending(self) -> Iterator[Fields]:
        ended = {**self._place, "name": self._named["name"], "arguments": self._text}
        yield {"type": "response.function_call_arguments.done", **ended}


def item_for(key: str, *, index: int, wanted: Wanted, tool: Mapping[str, str | None]) -> Item:
    """The item that `key` names; an answer's second message, behind a tool call, is an item of its own."""
    if key == "message":
        return Message(key, item_id=wanted.item_id("msg_", index), index=index)
    if key == "reasoning":
        return Reasoning(key, item_id=wanted.item_id("rs_", index), index=index)
    call_id = tool.get("call_id") or wanted.item_id("call_", index)
    return FunctionCall(
        key, item_id=wanted.item_id("fc_", index), index=index, name=tool.get("name") or "", call_id=call_id
    )
