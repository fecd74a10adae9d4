"""A chat completion as OpenAI's response: whole, or as its stream of named, numbered events.

Events: `openai.types.responses.ResponseStreamEvent`. One output item is open at a time. A response is stored before
its last event goes out, so that a client may name it as the previous one at once. One that cannot be stored is
answered all the same and says `store: false`.
"""

from collections.abc import Iterator
from typing import Any

from pydantic_core import to_json

from appliance.base.errors import ApplianceError
from appliance.base.logs import get_logger
from appliance.gateway.sse import TokenUsage
from appliance.gateway.wire.chat_answers import Piece, chunks_of, parse_chat
from appliance.gateway.wire.fields import Fields
from appliance.gateway.wire.parsed import Around
from appliance.gateway.wire.response_store import FinishedResponse
from appliance.gateway.wire.responses_object import Wanted, ended, usage_of
from appliance.gateway.wire.responses_output import Item, item_for

log = get_logger(__name__)


class Storing:
    """Puts the finished response away."""

    def __init__(self, around: Around, *, input_items: list[Fields], previous: str | None) -> None:
        self._around = around
        self._input_items = input_items
        self._previous = previous

    async def put(self, response: Fields) -> bool:
        finished = FinishedResponse(
            id=response["id"], body=response, input_items=self._input_items, previous_id=self._previous
        )
        try:
            await self._around.store.put(finished, key=self._around.key, request_id=self._around.request_id)
        except ApplianceError as error:
            log.warning("response_not_stored", request_id=self._around.request_id, code=error.error_code)
            return False
        return True


class ResponseTurn:
    def __init__(self, wanted: Wanted, *, storing: Storing) -> None:
        self._wanted = wanted
        self._storing = storing
        self._number = -1
        self._items: list[Item] = []
        self._finish_reason: str | None = None
        self._usage: TokenUsage | None = None
        self._reasoning_tokens = 0

    async def whole(self, body: bytes) -> bytes:
        for _ in self._take(parse_chat(body)):
            pass
        for item in self._items:
            item.finish()
        return to_json(await self._finished())

    def feed(self, frames: bytes) -> bytes:
        written: list[bytes] = []
        for piece in chunks_of(frames):
            if self._number < 0:
                written += self._begin()
            written += [self._event(event) for event in self._take(piece)]
        return b"".join(written)

    async def close(self) -> bytes:
        written = self._begin() if self._number < 0 else []
        written += [self._event(event) for event in self._shut()]
        response = await self._finished()
        written.append(self._event({"type": f"response.{response['status']}", "response": response}))
        return b"".join(written)

    def fail(self, error: ApplianceError) -> bytes:
        """`response.failed`, with what there is of the output."""
        said = error.envelope()["error"]
        code = "rate_limit_exceeded" if error.status == 429 else "server_error" if error.status >= 500 else said["code"]
        output = [item.content() for item in self._items]
        reason = {"code": code, "message": said["message"]}
        written = self._begin() if self._number < 0 else []
        response = self._wanted.response("failed", output=output, stored=False, error=reason)
        written.append(self._event({"type": "response.failed", "response": response}))
        return b"".join(written)

    def _begin(self) -> list[bytes]:
        response = self._wanted.response("in_progress", output=[], stored=self._wanted.is_stored)
        return [
            self._event({"type": "response.created", "response": response}),
            self._event({"type": "response.in_progress", "response": response}),
        ]

    def _take(self, piece: Piece) -> Iterator[Fields]:
        """Note what the piece says; the events that it makes, without their numbers."""
        self._finish_reason = piece.finish_reason or self._finish_reason
        self._usage = piece.usage or self._usage
        self._reasoning_tokens = piece.reasoning_tokens or self._reasoning_tokens
        if piece.reasoning:
            yield from self._on("reasoning")
            yield from self._items[-1].add(piece.reasoning)
        if piece.text:
            yield from self._on("message")
            yield from self._items[-1].add(piece.text, logprobs=logprobs_of(piece))
        for call in piece.tools:
            known = next((item for item in self._items if item.key == f"function_call {call.index}"), None)
            if known is None:
                yield from self._on(f"function_call {call.index}", name=call.name or "", call_id=call.call_id)
                known = self._items[-1]
            if call.arguments:
                yield from known.add(call.arguments)

    def _on(self, key: str, **tool: str | None) -> Iterator[Fields]:
        """Go on with the open item where it is this one, else end it and open another."""
        if self._items and self._items[-1].key == key:
            return
        yield from self._shut()
        item = item_for(key, index=len(self._items), wanted=self._wanted, tool=tool)
        self._items.append(item)
        yield from item.opening()

    def _shut(self) -> Iterator[Fields]:
        if self._items:
            yield from self._items[-1].finish()

    def _event(self, event: Fields) -> bytes:
        self._number += 1
        numbered = to_json({**event, "sequence_number": self._number})
        return b"event: " + event["type"].encode() + b"\ndata: " + numbered + b"\n\n"

    async def _finished(self) -> Fields:
        output = [item.content() for item in self._items]
        response = self._wanted.response("completed", output=output, stored=self._wanted.is_stored)
        response["usage"] = usage_of(self._usage, reasoning_tokens=self._reasoning_tokens)
        response = ended(response, finish_reason=self._finish_reason)
        if self._wanted.is_stored and not await self._storing.put(response):
            response["store"] = False
        return response


def logprobs_of(piece: Piece) -> list[Any]:
    return list(piece.logprobs)
