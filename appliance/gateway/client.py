"""One client's request as the relay sees it: its body, its leaving, and the ways to answer it."""

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from appliance.base.errors import ApplianceError, RequestTimeout, TooLarge
from appliance.gateway.faults import ClientLeft

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

JSON_TYPE = (b"content-type", b"application/json")
SSE_HEADERS: Headers = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]


class Client:
    """Wraps ASGI's `receive` and `send`; `headers` go on every answer."""

    def __init__(self, receive: Receive, *, send: Send, headers: Headers) -> None:
        self.send = send
        self.left = False
        self.started = False
        self._headers = headers
        self._receive = receive
        self._watch: asyncio.Task[None] | None = None

    async def read_body(self, *, declared_bytes: int | None, max_bytes: int, timeout_seconds: float) -> bytes:
        """The whole body; raises TooLarge before more than `max_bytes` are held, RequestTimeout, ClientLeft."""
        if declared_bytes is not None and declared_bytes > max_bytes:
            raise too_large(max_bytes)
        try:
            async with asyncio.timeout(timeout_seconds):
                return await self._read_body(max_bytes)
        except TimeoutError as error:
            raise RequestTimeout(
                f"The body did not arrive whole within {timeout_seconds:g} s.",
                hint="Send it faster, or raise gateway.client_body_timeout_seconds.",
            ) from error

    async def _read_body(self, max_bytes: int) -> bytes:
        pieces: list[bytes] = []
        size = 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self.left = True
                raise ClientLeft
            piece: bytes = message.get("body", b"")
            size += len(piece)
            if size > max_bytes:
                raise too_large(max_bytes)
            pieces.append(piece)
            if not message.get("more_body"):
                return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def watch(self, on_left: Callable[[], None]) -> None:
        """After the body: call `on_left` once, when the client closes before the answer is complete."""
        self._watch = asyncio.get_running_loop().create_task(self._wait_for_leaving(on_left))

    def unwatch(self) -> None:
        if self._watch:
            self._watch.cancel()

    async def _wait_for_leaving(self, on_left: Callable[[], None]) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.left = True
        on_left()

    async def start(self, status: int, headers: Headers) -> None:
        self.started = True
        await self.send({"type": "http.response.start", "status": status, "headers": [*self._headers, *headers]})

    async def finish(self, body: bytes = b"") -> None:
        await self.send({"type": "http.response.body", "body": body, "more_body": False})

    async def answer(self, status: int, *, body: bytes, headers: Headers | None = None) -> None:
        length = (b"content-length", str(len(body)).encode())
        await self.start(status, [JSON_TYPE, length, *(headers or [])])
        await self.finish(body)

    async def refuse(self, error: ApplianceError) -> None:
        """The error's envelope; in a stream that has begun, an error frame and the end, without `[DONE]`."""
        body = render_envelope(error)
        if self.started:
            await self.finish(b"data: " + body + b"\n\n")
            return
        await self.answer(error.status, body=body, headers=error_headers(error))


def render_envelope(error: ApplianceError) -> bytes:
    return json.dumps(error.envelope(), separators=(",", ":")).encode()


def error_headers(error: ApplianceError) -> Headers:
    headers: Headers = []
    if error.retry_after_seconds is not None:
        headers.append((b"retry-after", str(max(1, round(error.retry_after_seconds))).encode()))
    if isinstance(error, TooLarge | RequestTimeout):
        headers.append((b"connection", b"close"))
    return headers


def too_large(max_bytes: int) -> TooLarge:
    return TooLarge(f"The body is larger than {max_bytes} bytes.", hint="Send less, or raise http.max_body_bytes.")
