"""The spool as its shipper sees it: which gateways wrote which files, who of them still lives, and whole lines from
an offset.
"""

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from appliance.base.contracts.usage_spool import (
    LOCK_FILE_PATTERN,
    SPOOL_FILE_PATTERN,
    UsageEnd,
    UsageRecord,
    UsageStart,
    lock_file_name,
    spool_file_name,
)
from appliance.base.logs import get_logger

READ_BYTES = 256 * 1024

RECORD: TypeAdapter[UsageStart | UsageEnd] = TypeAdapter(UsageRecord)

log = get_logger(__name__)


@dataclass(frozen=True)
class Batch:
    """Records, and the offset after them. `is_end` where the file holds no further whole line now."""

    records: list[UsageStart | UsageEnd]
    offset: int
    is_end: bool


class SpoolFolder:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def gateways(self) -> dict[str, list[int]]:
        """The sequence numbers of each gateway's files, in order."""
        found: dict[str, list[int]] = {}
        for path in sorted(self.folder.iterdir()):
            match = SPOOL_FILE_PATTERN.fullmatch(path.name)
            if match:
                found.setdefault(match[1], []).append(int(match[2]))
        return {gateway: sorted(sequences) for gateway, sequences in found.items()}

    def is_alive(self, gateway: str) -> bool:
        """Whether the gateway process still holds its lock."""
        try:
            descriptor = os.open(self.folder / lock_file_name(gateway), os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def read(self, gateway: str, *, sequence: int, offset: int, most: int) -> Batch:
        """At most `most` records from `offset`; a line that cannot be read is said and left out."""
        with (self.folder / spool_file_name(gateway, sequence=sequence)).open("rb") as file:
            file.seek(offset)
            content = file.read(READ_BYTES)
        lines = content.split(b"\n")[:-1]
        taken = lines[:most]
        after = offset + sum(len(line) + 1 for line in taken)
        records = [record for line in taken if (record := parse_line(line, gateway=gateway)) is not None]
        return Batch(records=records, offset=after, is_end=len(taken) == len(lines) and len(content) < READ_BYTES)

    def remove(self, gateway: str, *, sequence: int) -> None:
        (self.folder / spool_file_name(gateway, sequence=sequence)).unlink(missing_ok=True)

    def remove_lock(self, gateway: str) -> None:
        (self.folder / lock_file_name(gateway)).unlink(missing_ok=True)

    def locks(self) -> list[str]:
        matches = (LOCK_FILE_PATTERN.fullmatch(path.name) for path in self.folder.iterdir())
        return [match[1] for match in matches if match]

    def unshipped_bytes(self, positions: dict[str, tuple[int, int]]) -> int:
        """Bytes on disk behind `positions` (gateway to sequence and offset)."""
        total = 0
        for gateway, sequences in self.gateways().items():
            current, offset = positions.get(gateway, (0, 0))
            for sequence in sequences:
                if sequence >= current:
                    size = (self.folder / spool_file_name(gateway, sequence=sequence)).stat().st_size
                    total += size - (offset if sequence == current else 0)
        return total


def parse_line(line: bytes, *, gateway: str) -> UsageStart | UsageEnd | None:
    try:
        return RECORD.validate_json(line)
    except ValidationError:
        log.error("usage_line_damaged", gateway=gateway, length=len(line))
        return None
