"""Processor time of processes, from Linux's own accounting in nanoseconds, and which processes listen where."""

import socket
import struct
from collections.abc import Iterable
from pathlib import Path

import psutil


def processor_seconds(pids: Iterable[int]) -> float:
    """Time on a processor of all threads of `pids`; see sched-stats.rst of the kernel's documentation."""
    total = 0
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def listeners_on_port(port: int) -> tuple[int, ...]:
    """Every process that holds a listening TCP socket on `port`."""
    found: set[int] = set()
    for process in psutil.process_iter():
        try:
            sockets = process.net_connections(kind="tcp")
        except psutil.Error:
            continue
        if any(each.status == psutil.CONN_LISTEN and tuple(each.laddr)[1:] == (port,) for each in sockets):
            found.add(process.pid)
    return tuple(sorted(found))


def listeners_on_socket(path: Path) -> tuple[int, ...]:
    """The process that listens on a unix socket, as the kernel names it to a peer (SO_PEERCRED)."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.connect(str(path))
        credentials = probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return (struct.unpack("3i", credentials)[0],)
