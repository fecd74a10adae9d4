"""Engine processes of this home whose replica is gone: found by their environment, ended by their pid.

The keeper and the kernel end an engine with its replica; this is the last net, for both killed at once.
"""

import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from appliance.base.child_env import HOME_MARK
from appliance.base.paths import Home

REPLICA_MARK = "TS_REPLICA"

PROC = Path("/proc")
START_TIME_FIELD = 19  # proc(5), field 22 of stat, counted after the closing parenthesis of the name


@dataclass(frozen=True)
class Stray:
    pid: int
    command: str


def marks_of(home: Home, *, replica_pid: int) -> dict[str, str]:
    """Variables that an engine and all its children carry; pid and start time name a replica even after pids wrap."""
    return {HOME_MARK: home.key, REPLICA_MARK: f"{replica_pid}:{_start_time(replica_pid)}"}


def find_strays(home: Home) -> list[Stray]:
    """Every process of an engine of this home whose replica no longer runs. Reads only processes of this user."""
    found: list[Stray] = []
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            replica = _replica_of(int(entry.name), home)
            if replica is not None and not _is_alive(replica):
                found.append(Stray(pid=int(entry.name), command=_command(int(entry.name))))
    return found


def end_strays(home: Home) -> list[Stray]:
    """End what `find_strays` finds, at once (an engine keeps nothing that must be saved), and return it."""
    strays = find_strays(home)
    for stray in strays:
        with suppress(ProcessLookupError):
            _kill(stray.pid, home)
    return strays


def _kill(pid: int, home: Home) -> None:
    """Look again with the process held by a descriptor, so that a pid that was reused meanwhile is left alone."""
    descriptor = os.pidfd_open(pid)
    try:
        if _replica_of(pid, home) is not None:
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    finally:
        os.close(descriptor)


def _replica_of(pid: int, home: Home) -> str | None:
    """The mark of its replica, for a process of an engine of this home; services carry the home's mark only."""
    environ = _environ(pid)
    return environ.get(REPLICA_MARK) if environ.get(HOME_MARK) == home.key else None


def _environ(pid: int) -> dict[str, str]:
    """Empty for a process that is gone, a zombie, or somebody else's."""
    try:
        raw = (PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return {}
    pairs = (entry.decode(errors="replace").partition("=") for entry in raw.split(b"\0") if entry)
    return {name: value for name, _, value in pairs}


def _command(pid: int) -> str:
    with suppress(OSError):
        return (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    return ""


def _is_alive(mark: str) -> bool:
    pid, _, started = mark.partition(":")
    return pid.isdigit() and _start_time(int(pid)) == started


def _start_time(pid: int) -> str | None:
    """In clock ticks since boot; None when there is no such process, or only its zombie."""
    try:
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[START_TIME_FIELD]
