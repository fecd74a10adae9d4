"""The gateway's ledger on disk: one line when a request starts, one when it ends, each a single append.

Nothing here waits for a disk but the append itself; `tick` makes lines durable in the background. A disk that is full
refuses new requests (Insufficient) and keeps the ends of running ones in memory until there is room again.
"""

import fcntl
import os
from collections import deque
from pathlib import Path

from appliance.base.contracts.usage_spool import ROLL_BYTES, UsageEnd, UsageStart, lock_file_name, spool_file_name
from appliance.base.errors import Insufficient
from appliance.base.logs import get_logger

log = get_logger(__name__)


class UsageSpool:
    """One per gateway process. `gateway_id` is 32 hexadecimal digits, new at each start."""

    def __init__(self, folder: Path, *, gateway_id: str, roll_bytes: int = ROLL_BYTES) -> None:
        self._folder = folder
        self._gateway_id = gateway_id
        self._roll_bytes = roll_bytes
        self._sequence = 0
        self._size = 0
        self._dirty = False
        self._waiting: deque[bytes] = deque()
        self._lock = hold_lock(folder / lock_file_name(gateway_id))
        self._file: int | None = None

    @property
    def waiting(self) -> int:
        """End records that the disk has not taken yet."""
        return len(self._waiting)

    def start(self, record: UsageStart) -> None:
        """Raises Insufficient where the disk does not take the line; then the request must not be served."""
        try:
            self._drain()
            self._append(record.model_dump_json().encode() + b"\n")
        except OSError as error:
            log.warning("usage_not_written", problem=str(error))
            raise Insufficient(
                "The usage of this request cannot be recorded: the gateway's disk is full or broken.",
                hint="Free space in the appliance's home; it recovers by itself.",
                retry_after_seconds=10.0,
            ) from error

    def end(self, record: UsageEnd) -> None:
        """Never fails: a line that the disk does not take waits in memory."""
        self._waiting.append(record.model_dump_json().encode() + b"\n")
        self.retry()

    def retry(self) -> None:
        """Write what waits, as far as the disk takes it."""
        try:
            self._drain()
        except OSError as error:
            log.warning("usage_waits", lines=len(self._waiting), problem=str(error))

    def sync(self) -> None:
        """Make the lines so far durable; for a thread, at most once a second."""
        if self._dirty and self._file is not None:
            self._dirty = False
            os.fsync(self._file)

    def close(self) -> None:
        self.retry()
        if self._file is not None:
            os.fsync(self._file)
            os.close(self._file)
            self._file = None
        os.close(self._lock)

    def _drain(self) -> None:
        while self._waiting:
            self._append(self._waiting[0])
            self._waiting.popleft()

    def _append(self, line: bytes) -> None:
        """One write; a part of a line is cut off again, so that a reader sees whole lines only."""
        descriptor = self._open_file()
        try:
            written = os.write(descriptor, line)
        except OSError:
            os.ftruncate(descriptor, self._size)
            raise
        if written != len(line):
            os.ftruncate(descriptor, self._size)
            raise OSError(28, "No space left on device")
        self._size += written
        self._dirty = True

    def _open_file(self) -> int:
        """The current file, or the next one where it has reached the size to roll at."""
        if self._file is not None and self._size < self._roll_bytes:
            return self._file
        path = self._folder / spool_file_name(self._gateway_id, sequence=self._sequence + 1)
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        if self._file is not None:
            os.fsync(self._file)
            os.close(self._file)
        self._file, self._size, self._sequence = opened, 0, self._sequence + 1
        return opened


def hold_lock(path: Path) -> int:
    """Hold an exclusive lock on `path` as long as the descriptor is open; the shipper removes lock files that nobody
    holds.
    """
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if path.exists() and path.stat().st_ino == os.fstat(descriptor).st_ino:
            return descriptor
        os.close(descriptor)
