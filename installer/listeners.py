"""Who listens where on this machine, as far as this user may see."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import psutil


@dataclass(frozen=True)
class Listener:
    """`pid` is None for a program of another user."""

    ip: str
    port: int
    pid: int | None

    @property
    def holder(self) -> str:
        if self.pid is None:
            return "a program of another user"
        try:
            return f"{psutil.Process(self.pid).name()} (process {self.pid})"
        except psutil.NoSuchProcess:
            return f"process {self.pid}"


def listeners() -> Iterator[Listener]:
    """Every TCP socket that listens."""
    for connection in psutil.net_connections(kind="tcp"):
        if connection.status == psutil.CONN_LISTEN:
            ip, port = cast("tuple[str, int]", connection.laddr)
            yield Listener(ip, port=port, pid=connection.pid)
