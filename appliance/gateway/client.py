"""One client's request as the relay sees it: its body, its leaving, and the ways to answer it."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from appliance.base.errors import ApplianceError, RequestTimeout, TooLarge
from appliance.gateway.faults import ClientLeft
from appliance.gateway.wire.errors import OPENAI_VOICE, Voice

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


PING = b": ping\n\n"


class Client:
    """Wraps ASGI's `receive` and `send`; `headers` go on every answer, `voice` says errors.

    `started`: the head of the answer is out. `pinging`: it went out before there was anything to say, with a comment
    (HTML, 9.2.6: a line that begins with a colon), so that nobody in between takes a long prompt for a dead connection.
    """

    def __init__(self, receive: Receive, *, send: Send, headers: Headers, voice: Voice = OPENAI_VOICE) -> None:
        self.send = send
        self.left = False
        self.started = False
        self.say_frame = voice.frame
        self._voice = voice
        self._ping: asyncio.Task[None] | None = None
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

    def ping(self) -> None:
        """Say that the answer is still being waited for; what follows has to be a stream."""
        if self._ping is None or self._ping.done():
            self._ping = asyncio.get_running_loop().create_task(self._send_ping(begin=self._ping is None))

    async def _send_ping(self, *, begin: bool) -> None:
        if begin:
            await self.start(200, SSE_HEADERS)
        await self.send({"type": "http.response.body", "body": PING, "more_body": True})

    async def quiet(self) -> bool:
        """No more pings after this; True where the stream has begun by one."""
        if self._ping is None:
            return False
        await self._ping
        return True

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
        if await self.quiet() or self.started:
            await self.finish(self.say_frame(error))
            return
        await self.answer(error.status, body=self._voice.whole(error), headers=error_headers(error))


def error_headers(error: ApplianceError) -> Headers:
    headers: Headers = []
    if error.retry_after_seconds is not None:
        headers.append((b"retry-after", str(max(1, round(error.retry_after_seconds))).encode()))
    if isinstance(error, TooLarge | RequestTimeout):
        headers.append((b"connection", b"close"))
    return headers


def too_large(max_bytes: int) -> TooLarge:
    return TooLarge(f"The body is larger than {max_bytes} bytes.", hint="Send less, or raise http.max_body_bytes.")
