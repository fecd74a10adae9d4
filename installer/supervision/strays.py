"""Processes of this home, told by the mark in their environment, and how they are ended without loss.

The mark is inherited by all that a service starts (Ray's workers, engines), whoever their parent has become since.
"""

import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from appliance.base.child_env import HOME_MARK, SERVICE_MARK
from appliance.serving.strays import REPLICA_MARK

GRACE_SECONDS = 40.0
ORPHAN_SECONDS = 2.0
KILL_SECONDS = 5.0
FAST_SHUTDOWN = {"postgres": signal.SIGINT}
"""Signals other than SIGTERM that a service's first process wants."""


@dataclass(frozen=True)
class Marked:
    """One process of a home; `service` names the supervised process it comes from. Engines carry a replica's mark."""

    process: psutil.Process
    service: str
    is_engine: bool = False


def marked_processes(home_key: str, *, service: str | None = None) -> list[Marked]:
    """Every living process of this home but this one and its ancestors; of one `service` when given.

    A child belongs where its parent does: some (PostgreSQL's) write their title over their environment.
    """
    ours = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    found: dict[int, Marked] = {}
    unmarked: list[psutil.Process] = []
    for process in psutil.process_iter(["ppid", "status"]):
        if process.pid in ours or process.info["status"] == psutil.STATUS_ZOMBIE:
            continue
        marks = read_marks(process.pid)
        if marks.get(HOME_MARK) == home_key:
            found[process.pid] = Marked(process, service=marks.get(SERVICE_MARK, ""), is_engine=REPLICA_MARK in marks)
        elif HOME_MARK not in marks:
            unmarked.append(process)
    adopt_children(found, among=unmarked)
    return [marked for marked in found.values() if service in (None, marked.service)]


def adopt_children(found: dict[int, Marked], *, among: Sequence[psutil.Process]) -> None:
    """Add children of what is found, and theirs, until there are no more."""
    children = [process for process in among if process.pid not in found and process.info["ppid"] in found]
    for child in children:
        found[child.pid] = replace(found[child.info["ppid"]], process=child)
    if children:
        adopt_children(found, among=among)


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

    Parents are asked first and end their own children in good order: Ray drains its node, PostgreSQL checkpoints.
    """
    ids = {marked.process.pid for marked in found}
    eldest = [marked for marked in found if parent_id(marked.process) not in ids]
    for marked in eldest:
        send(marked.process, FAST_SHUTDOWN.get(marked.service, signal.SIGTERM))
    still_alive([marked.process for marked in eldest], seconds=grace_seconds)
    left = still_alive([marked.process for marked in found], seconds=0)
    for process in left:
        send(process, signal.SIGTERM)
    left = still_alive(left, seconds=ORPHAN_SECONDS)
    for process in left:
        send(process, signal.SIGKILL)
    still_alive(left, seconds=KILL_SECONDS)
    return [process.pid for process in left]


def parent_id(process: psutil.Process) -> int | None:
    try:
        return process.ppid()
    except psutil.NoSuchProcess:
        return None


def send(process: psutil.Process, wanted: signal.Signals) -> None:
    try:
        process.send_signal(wanted)
    except psutil.NoSuchProcess:
        return


def still_alive(processes: Sequence[psutil.Process], *, seconds: float) -> list[psutil.Process]:
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    return [process for process in alive if not is_zombie(process)]


def is_zombie(process: psutil.Process) -> bool:
    """Dead already, only nobody has asked for its exit status; no signal changes that."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
