"""An import under way: its folder in `staging/`, its journal, and its lock.

Each source has one arrival, so a second import of the same model waits for the first and then finds it done. The
kernel frees the lock when its holder dies, and the folder stays for the next attempt.
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from appliance.weights.blobs import make_folder
from appliance.weights.boundaries import Boundary, cross
from appliance.weights.journal import ImportJournal

JOURNAL_FILE = "journal.jsonl"
PART_SUFFIX = ".part"


class Arrival:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.journal = ImportJournal(folder / JOURNAL_FILE)

    def part_path(self, name: str) -> Path:
        return self.folder / f"{hashlib.sha256(name.encode(errors='surrogatepass')).hexdigest()[:24]}{PART_SUFFIX}"

    def forget(self) -> None:
        """The journal goes first: half-removed parts without it count for nothing."""
        self.journal.forget()
        cross(Boundary.JOURNAL_FORGOTTEN)
        shutil.rmtree(self.folder, ignore_errors=True)


def arrival_key(source: str) -> str:
    return hashlib.sha256(source.encode(errors="surrogatepass")).hexdigest()[:16]


@contextmanager
def arrival_of(source: str, *, staging: Path, on_wait: Callable[[], None]) -> Generator[Arrival]:
    """The arrival of `source`, alone; `on_wait` is called when another import of it goes on."""
    make_folder(staging)
    folder = staging / arrival_key(source)
    with locked(folder.with_suffix(".lock"), on_wait=on_wait):
        make_folder(folder)
        yield Arrival(folder)


@contextmanager
def locked(path: Path, *, on_wait: Callable[[], None]) -> Generator[None]:
    """Hold the lock file `path`. Its name is removed at the end, so a waiter checks that it holds the file of that
    name and not one that was removed meanwhile.
    """
    descriptor = take_lock(path, on_wait=on_wait)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def take_lock(path: Path, *, on_wait: Callable[[], None]) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        if not try_lock(descriptor):
            on_wait()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if is_named(descriptor, path):
            return descriptor
        os.close(descriptor)


def try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_named(descriptor: int, path: Path) -> bool:
    try:
        return os.fstat(descriptor).st_ino == path.stat().st_ino
    except FileNotFoundError:
        return False


def is_under_way(folder: Path) -> bool:
    """Whether somebody holds the lock of this arrival now."""
    try:
        descriptor = os.open(folder.with_suffix(".lock"), os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        return not try_lock(descriptor)
    finally:
        os.close(descriptor)
