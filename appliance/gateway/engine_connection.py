"""One HTTP request to an engine, on a connection of its own, read as bytes with as little work per chunk as Python
allows.

A connection per request: on a unix socket it costs a tenth of a millisecond, there is no pool to go stale, and
closing it is how an engine is told to stop. Parsing is httptools (llhttp), as uvicorn's.
"""

import asyncio
import ssl
from collections.abc import Mapping
from typing import cast
from urllib.parse import urlsplit

import httptools

from appliance.gateway.faults import EngineBroken, EngineUnreachable

PAUSE_ABOVE_BYTES = 256 * 1024


class EngineConnection(asyncio.Protocol):
    """Sends one request; then `head()` and `read()` until it gives b"". `abort()` at any time stops the engine's
    work.
    """

    silence_seconds: float | None = None
    """A limit of its own for `cut_if_silent`."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self._events = 0
        self._seen_events = -1
        self._moved_at = 0.0
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._chunks: list[bytes] = []
        self._buffered = 0
        self._paused = False
        self._has_head = False
        self._complete = False
        self._failure: EngineBroken | None = None
        self._waiter: asyncio.Future[None] | None = None

    async def head(self) -> int:
        """The HTTP status, once the engine's header is there; raises EngineBroken."""
        while not self._has_head:
            if self._failure:
                raise self._failure
            await self._wait()
        return self.status

    async def read(self) -> bytes:
        """All that has come since the last call, waiting for something; b"" at the end; raises EngineBroken."""
        while not self._chunks:
            if self._complete:
                return b""
            if self._failure:
                raise self._failure
            await self._wait()
        taken = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        self._buffered = 0
        if self._paused and self._transport:
            self._paused = False
            self._transport.resume_reading()
        return taken

    def write(self, request: bytes) -> None:
        if self._transport:
            self._transport.write(request)

    def abort(self, reason: EngineBroken | None = None) -> None:
        """Close at once; a reader that waits gets `reason`."""
        self._fail(reason or EngineBroken("closed by the gateway"))
        if self._transport:
            self._transport.abort()

    def release(self) -> None:
        """Done with: a connection of which another request could come is kept, this one is closed."""
        self.abort()

    def cut_if_silent(self, now: float, *, limit_seconds: float) -> bool:
        """Close where somebody waits for the engine and nothing came for `limit_seconds`; `now` is monotonic."""
        if self._events != self._seen_events or self._waiter is None:
            self._seen_events, self._moved_at = self._events, now
            return False
        if now - self._moved_at < (self.silence_seconds or limit_seconds):
            return False
        self.abort(EngineBroken("the engine said nothing for too long", silent=True))
        return True

    async def _wait(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(None)

    def _fail(self, failure: EngineBroken) -> None:
        if not self._complete and not self._failure:
            self._failure = failure
        self._wake()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one by shape, not by class

    def data_received(self, data: bytes) -> None:
        self._events += 1
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.abort(EngineBroken("the engine did not answer in HTTP"))
            return
        if self._buffered > PAUSE_ABOVE_BYTES and not self._paused and self._transport:
            self._paused = True
            self._transport.pause_reading()
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncio calls it so
        self._fail(EngineBroken("the engine closed the connection"))

    # httptools callbacks

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        self._has_head = self.status >= 200

    def on_body(self, body: bytes) -> None:
        self._chunks.append(body)
        self._buffered += len(body)

    def on_message_complete(self) -> None:
        if self._has_head:
            self._complete = True


async def connect(endpoint: str, *, timeout_seconds: float, tls: ssl.SSLContext | None = None) -> EngineConnection:
    """Reach `unix:/path` or `http(s)://host:port`; raises EngineUnreachable."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout_seconds):
            if endpoint.startswith("unix:"):
                _, protocol = await loop.create_unix_connection(EngineConnection, endpoint.removeprefix("unix:"))
                return protocol
            where = urlsplit(endpoint)
            secure = (tls or ssl.create_default_context()) if where.scheme == "https" else None
            host, port = where.hostname or "", where.port or (443 if secure else 80)
            _, protocol = await loop.create_connection(EngineConnection, host, port, ssl=secure)
            return protocol
    except TimeoutError as error:
        raise EngineUnreachable(f"{endpoint} did not take the connection in time", is_gone=False) from error
    except OSError as error:
        raise EngineUnreachable(f"{endpoint} cannot be reached: {error}", is_gone=True) from error


def render_request(path: str, *, body: bytes, headers: Mapping[str, str]) -> bytes:
    """An HTTP/1.1 POST with a JSON body that asks for the connection to be closed after the answer."""
    lines = [f"POST {path} HTTP/1.1", "host: engine", "content-type: application/json", "connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += [f"content-length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode("latin-1") + body
