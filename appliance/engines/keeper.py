"""The process between a replica and its engine: runs the engine in a group of its own, bounds its log, and ends it.

Standard library only, run as `python -I -S keeper.py ...`, so that it costs 10 MB. The replica holds the other end of
its standard input: when the replica goes, however it goes, that pipe closes and the engine's whole group is ended. When
the keeper itself is killed, the kernel ends the engine (`PR_SET_PDEATHSIG`, prctl(2)). It has one thread, because the
kernel sends that signal when the parent's *thread* ends, and replicas start and stop threads.
"""

import argparse
import ctypes
import os
import selectors
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

PR_SET_PDEATHSIG = 1
CHUNK_BYTES = 65536


class BoundedLog:
    """Appends to `path`; at `max_bytes` the file becomes `<path>.1` and a new one begins."""

    def __init__(self, path: Path, *, max_bytes: int) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._file = path.open("ab")

    def write(self, chunk: bytes) -> None:
        """A full disk loses log lines, never the engine."""
        with suppress(OSError):
            self._file.write(chunk)
            self._file.flush()
            if self._file.tell() >= self._max_bytes:
                self._file.close()
                self._path.replace(self._path.with_name(f"{self._path.name}.1"))
                self._file = self._path.open("ab")


def main() -> int:
    options = _options()
    ending: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: ending.append(number))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    engine = subprocess.Popen(
        options.command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        pass_fds=options.pass_fd,
        preexec_fn=_die_with_parent,  # noqa: PLW1509  this process has one thread
    )
    for descriptor in options.pass_fd:
        os.close(descriptor)
    sys.stdout.write(f"{engine.pid}\n")
    sys.stdout.flush()
    log = BoundedLog(Path(options.log), max_bytes=options.log_bytes)
    _watch(engine, log=log, ending=ending)
    _end_group(engine, log=log, grace_seconds=options.grace_seconds)
    return engine.wait()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--log", required=True)
    parser.add_argument("--log-bytes", type=int, required=True)
    parser.add_argument("--grace-seconds", type=float, required=True)
    parser.add_argument(
        "--pass-fd", type=int, action="append", default=[], help="the engine inherits it; we do not keep it"
    )
    parser.add_argument("command", nargs="+")
    return parser.parse_args()


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _watch(engine: "subprocess.Popen[bytes]", *, log: BoundedLog, ending: list[int]) -> None:
    """Copy output to the log until the engine ends, the replica's pipe closes, or SIGTERM comes."""
    assert engine.stdout is not None
    exited = os.pidfd_open(engine.pid)
    with selectors.DefaultSelector() as selector:
        for source in (sys.stdin.fileno(), engine.stdout.fileno(), exited):
            selector.register(source, selectors.EVENT_READ)
        while not ending:
            for key, _ in selector.select(timeout=1.0):
                if key.fd == exited:
                    return
                chunk = os.read(key.fd, CHUNK_BYTES)
                if key.fd == engine.stdout.fileno() and chunk:
                    log.write(chunk)
                elif key.fd == engine.stdout.fileno():
                    selector.unregister(key.fd)
                elif not chunk:
                    return


def _end_group(engine: "subprocess.Popen[bytes]", *, log: BoundedLog, grace_seconds: float) -> None:
    """SIGTERM to the group, SIGKILL to what is left of it after the grace; what it says meanwhile is kept."""
    assert engine.stdout is not None
    os.set_blocking(engine.stdout.fileno(), False)
    _signal_group(engine.pid, signal.SIGTERM)
    deadline = time.monotonic() + grace_seconds
    while not _has_ended(engine.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
        _drain(engine.stdout.fileno(), log)
    _signal_group(engine.pid, signal.SIGKILL)
    os.waitid(os.P_PID, engine.pid, os.WEXITED | os.WNOWAIT)
    _drain(engine.stdout.fileno(), log)


def _has_ended(pid: int) -> bool:
    """Without collecting it: while it is uncollected, its number, and so its group's, cannot become another's."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _signal_group(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, number)


def _drain(source: int, log: BoundedLog) -> None:
    with suppress(BlockingIOError):
        while chunk := os.read(source, CHUNK_BYTES):
            log.write(chunk)


if __name__ == "__main__":
    sys.exit(main())
