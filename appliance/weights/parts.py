"""A file on its way in: written, hashed and noted in one pass, and taken up where it was verified last.

A beginning counts only when its bytes are on the disk and the journal says what they must hash to; on a second
attempt the beginning is hashed again and compared, so a torn or altered part is found and only that is fetched anew.
"""

import hashlib
import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from appliance.base.errors import BadRequest
from appliance.weights.blobs import make_folder, storage_error
from appliance.weights.boundaries import Boundary, cross
from appliance.weights.copying import AHEAD, CHUNK_BYTES, Advance, write_all
from appliance.weights.journal import ImportJournal

STRETCH_BYTES = 64 * 1024 * 1024
"""How much is written between two notes: what a power loss costs at most."""


class Part:
    """Write `size_bytes` (unknown: None) under `key`. Use as a context manager, then take `digest`.

    Hashing runs beside writing, and the sync of one stretch beside the next, so the disk never waits for the CPU.
    """

    def __init__(
        self, path: Path, *, key: str, journal: ImportJournal, size_bytes: int | None, advance: Advance
    ) -> None:
        self.path = path
        self.key = key
        self.journal = journal
        self.size_bytes = size_bytes
        self.advance = advance
        self.sha256 = hashlib.sha256()
        self.n_bytes = 0
        self.noted_bytes = 0
        self.hashing: deque[Future[None]] = deque()
        self.syncing: Future[None] | None = None

    def __enter__(self) -> Self:
        make_folder(self.path.parent)
        self.descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        self.hasher = ThreadPoolExecutor(1, thread_name_prefix="hash")
        self.syncer = ThreadPoolExecutor(1, thread_name_prefix="sync")
        self.resume()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.hasher.shutdown(wait=True)
        self.syncer.shutdown(wait=True)
        os.close(self.descriptor)

    @property
    def digest(self) -> str:
        """Of all that was written; the hasher works in order, so what it is asked last it answers last."""
        return self.hasher.submit(self.sha256.hexdigest).result()

    @property
    def is_whole(self) -> bool:
        return self.n_bytes == self.size_bytes

    def resume(self) -> None:
        """Stand behind the longest beginning that is what the journal says it is."""
        beginnings = self.journal.verified_beginnings(self.key)
        verified, best = 0, hashlib.sha256()
        running, position = hashlib.sha256(), 0
        for length in sorted(beginnings):
            while position < length and (chunk := os.read(self.descriptor, min(CHUNK_BYTES, length - position))):
                running.update(chunk)
                position += len(chunk)
            if position < length or running.hexdigest() != beginnings[length]:
                break
            verified, best = length, running.copy()
        self.sha256, self.n_bytes, self.noted_bytes = best, verified, verified
        os.ftruncate(self.descriptor, verified)
        os.lseek(self.descriptor, verified, os.SEEK_SET)
        self.advance(verified)

    def restart(self) -> None:
        """Drop everything: what was there cannot be continued."""
        self.finish_sync()
        self.wait_for_hashing(most=0)
        self.advance(-self.n_bytes)
        self.sha256, self.n_bytes, self.noted_bytes = hashlib.sha256(), 0, 0
        os.ftruncate(self.descriptor, 0)
        os.lseek(self.descriptor, 0, os.SEEK_SET)

    def write(self, chunk: bytes) -> int:
        """Raises BadRequest when more comes than was announced, Insufficient when the disk is full."""
        if self.size_bytes is not None and self.n_bytes + len(chunk) > self.size_bytes:
            raise BadRequest(
                f"{self.key}: more came than the {self.size_bytes} bytes that were announced.", code="wrong_length"
            )
        self.hashing.append(self.hasher.submit(self.sha256.update, chunk))
        try:
            write_all(self.descriptor, chunk)
        except OSError as error:
            raise storage_error(error, self.path) from error
        self.wait_for_hashing(most=AHEAD)
        self.n_bytes += len(chunk)
        self.advance(len(chunk))
        cross(Boundary.PART_WRITTEN)
        if self.n_bytes - self.noted_bytes >= STRETCH_BYTES:
            self.start_sync()
        return len(chunk)

    def wait_for_hashing(self, *, most: int) -> None:
        """Let at most so many chunks wait for the hasher."""
        while len(self.hashing) > most:
            self.hashing.popleft().result()

    def start_sync(self) -> None:
        self.finish_sync()
        self.noted_bytes = self.n_bytes
        digest = self.hasher.submit(self.sha256.hexdigest)
        self.syncing = self.syncer.submit(self.sync_and_note, self.n_bytes, digest)

    def sync_and_note(self, n_bytes: int, digest: "Future[str]") -> None:
        os.fdatasync(self.descriptor)
        cross(Boundary.PART_SYNCED)
        self.journal.note_beginning(self.key, n_bytes, digest.result())
        cross(Boundary.PART_NOTED)

    def finish_sync(self) -> None:
        """Hear how the last sync went; a disk that is full may say so only here."""
        if self.syncing is None:
            return
        try:
            self.syncing.result()
        except OSError as error:
            raise storage_error(error, self.path) from error
        finally:
            self.syncing = None

    def keep(self) -> None:
        """Note all that has come, before a pause or a second try."""
        if self.n_bytes > self.noted_bytes:
            self.start_sync()
        self.finish_sync()

    def finish(self) -> None:
        """Everything is on the disk."""
        self.finish_sync()
        try:
            os.fsync(self.descriptor)
        except OSError as error:
            raise storage_error(error, self.path) from error
        cross(Boundary.FILE_SYNCED)
