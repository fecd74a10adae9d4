"""uvicorn's HTTP connection, which also knows how many bytes the client has taken, so that one that stops reading can
be cut.

uvicorn has no write timeout. One sweep a second over all connections costs nothing per chunk.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class CountingTransport(asyncio.Transport):
    """A transport that counts what is written through it."""

    def __init__(self, inner: asyncio.Transport) -> None:
        super().__init__()
        self.written = 0
        self.write = self._write
        self._inner = inner
        self._inner_write = inner.write

    @property
    def taken(self) -> int:
        """Bytes that have left this process for the client."""
        return self.written - self._inner.get_write_buffer_size()

    @property
    def is_blocked(self) -> bool:
        return self._inner.get_write_buffer_size() > 0

    def _write(self, data: Any) -> None:
        self.written += len(data)
        self._inner_write(data)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._inner.get_extra_info(name, default)

    def is_closing(self) -> bool:
        return self._inner.is_closing()

    def close(self) -> None:
        self._inner.close()

    def abort(self) -> None:
        self._inner.abort()

    def pause_reading(self) -> None:
        self._inner.pause_reading()

    def resume_reading(self) -> None:
        self._inner.resume_reading()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._inner.set_protocol(protocol)


class ClientConnection(HttpToolsProtocol):
    """Keeps the open connections of this process in `open_connections`."""

    open_connections: "set[ClientConnection]" = set()  # noqa: RUF012  uvicorn makes the instances; one server a process

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        self._counting = CountingTransport(transport)
        self._taken = 0
        self._moved_at: float | None = None
        super().connection_made(self._counting)
        ClientConnection.open_connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        ClientConnection.open_connections.discard(self)
        super().connection_lost(exc)

    def cut_if_stalled(self, now: float, *, limit_seconds: float) -> bool:
        """Close at once where bytes wait for the client and none moved for `limit_seconds`; `now` is monotonic."""
        taken = self._counting.taken
        if not self._counting.is_blocked or taken != self._taken or self._moved_at is None:
            self._taken, self._moved_at = taken, now
            return False
        if now - self._moved_at < limit_seconds:
            return False
        self._counting.abort()
        return True
