"""What a broken-off import had already verified, so that the next attempt does not read it again.

One JSON line per finished file. A line counts only while the source file has the same size, time and inode.
"""

import json
import os
from pathlib import Path
from typing import Any


class ImportJournal:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.known = read_lines(path)

    def digest_of(self, source: Path) -> str | None:
        """The digest found earlier, or None when the file is new or has changed since."""
        return self.known.get(fingerprint(source))

    def note(self, source: Path, digest: str) -> None:
        key = fingerprint(source)
        self.known[key] = digest
        with self.path.open("a") as stream:
            stream.write(json.dumps({"file": key, "sha256": digest}) + "\n")
            stream.flush()
            os.fsync(stream.fileno())

    def forget(self) -> None:
        self.path.unlink(missing_ok=True)


def fingerprint(source: Path) -> str:
    status = source.stat(follow_symlinks=False)
    return f"{source}|{status.st_size}|{status.st_mtime_ns}|{status.st_ino}"


def read_lines(path: Path) -> dict[str, str]:
    """A torn last line, left by a power loss, is passed over: its file is simply read again."""
    known: dict[str, str] = {}
    if not path.exists():
        return known
    for line in path.read_text().splitlines():
        try:
            entry: dict[str, Any] = json.loads(line)
            known[entry["file"]] = entry["sha256"]
        except (ValueError, KeyError, TypeError):
            continue
    return known
