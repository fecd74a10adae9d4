"""Processes of this home, told by the mark in their environment, and how they are ended without loss.

The mark is inherited by all that a service starts (Ray's workers, engines), whoever their parent has become since.
"""

import os
import signal
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from appliance.base.child_env import HOME_MARK, SERVICE_MARK
from appliance.serving.strays import REPLICA_MARK

GRACE_SECONDS = 20.0
KILL_SECONDS = 5.0


@dataclass(frozen=True)
class Marked:
    """One process of a home; `service` names the supervised process that it comes from; an engine carries a replica's mark."""

    process: psutil.Process
    service: str
    is_engine: bool = False


def marked_processes(home_key: str, *, service: str | None = None) -> list[Marked]:
    """Every living process of this home but this one and its ancestors; of one `service` when given."""
    ours = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    found: list[Marked] = []
    for pid in psutil.pids():
        marks = {} if pid in ours else read_marks(pid)
        if marks.get(HOME_MARK) != home_key or service not in (None, marks.get(SERVICE_MARK)):
            continue
        try:
            process = psutil.Process(pid)
            if process.status() != psutil.STATUS_ZOMBIE:
                found.append(Marked(process, service=marks.get(SERVICE_MARK, ""), is_engine=REPLICA_MARK in marks))
        except psutil.NoSuchProcess:
            continue
    return found


def read_marks(pid: int) -> dict[str, str]:
    """The marks of a process; none where it is gone or belongs to somebody else."""
    try:
        raw = Path(f"/proc/{pid}/environ").read_bytes()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return {}
    return parse_marks(raw)


def parse_marks(raw: bytes) -> dict[str, str]:
    pairs = (entry.partition(b"=") for entry in raw.split(b"\0"))
    return {key.decode(): value.decode(errors="replace") for key, _, value in pairs if key in MARKS}


MARKS = {mark.encode() for mark in (HOME_MARK, SERVICE_MARK, REPLICA_MARK)}


def end(found: Sequence[Marked], *, grace_seconds: float = GRACE_SECONDS) -> list[int]:
    """End them all and return the ids of those that had to be killed.

    PostgreSQL's first process gets SIGINT, its fast shutdown, and its children no signal of their own: it ends them.
    """
    for marked in found:
        wanted = first_signal(marked, among=found)
        if wanted is not None:
            send(marked.process, wanted)
    left = still_alive((marked.process for marked in found), seconds=grace_seconds)
    for process in left:
        send(process, signal.SIGKILL)
    still_alive(left, seconds=KILL_SECONDS)
    return [process.pid for process in left]


def first_signal(marked: Marked, *, among: Sequence[Marked]) -> signal.Signals | None:
    if marked.service != "postgres":
        return signal.SIGTERM
    siblings = {other.process.pid for other in among if other.service == "postgres"}
    try:
        return None if marked.process.ppid() in siblings else signal.SIGINT
    except psutil.NoSuchProcess:
        return None


def send(process: psutil.Process, wanted: signal.Signals) -> None:
    try:
        process.send_signal(wanted)
    except psutil.NoSuchProcess:
        return


def still_alive(processes: Iterable[psutil.Process], *, seconds: float) -> list[psutil.Process]:
    _, alive = psutil.wait_procs(list(processes), timeout=seconds)
    return [process for process in alive if not is_zombie(process)]


def is_zombie(process: psutil.Process) -> bool:
    """Dead already, only nobody has asked for its exit status; no signal changes that."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
