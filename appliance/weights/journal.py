"""What a broken-off import had already verified, so that the next attempt does not read or fetch it again.

One JSON line per finished file, `{"file", "sha256"}`, and one per verified beginning of a file under way,
`{"part", "bytes", "sha256"}`: the SHA-256 of its first so many bytes, noted after they were on the disk.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

Fact = dict[str, Any]


class ImportJournal:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.known: dict[str, str] = {}
        self.beginnings: dict[str, dict[int, str]] = {}
        for fact in read_lines(path):
            self.learn(fact)

    def learn(self, fact: Fact) -> None:
        digest, file, part, count = (fact.get(key) for key in ("sha256", "file", "part", "bytes"))
        if not isinstance(digest, str):
            return
        if isinstance(file, str):
            self.known[file] = digest
        elif isinstance(part, str) and isinstance(count, int):
            self.beginnings.setdefault(part, {})[count] = digest

    def digest_of(self, key: str) -> str | None:
        """The digest found earlier, or None when the file is new or has changed since."""
        return self.known.get(key)

    def verified_beginnings(self, key: str) -> dict[int, str]:
        """Lengths in bytes, and the digest of that much of the file's beginning."""
        return self.beginnings.get(key, {})

    def note(self, key: str, digest: str) -> None:
        self.write({"file": key, "sha256": digest})

    def note_beginning(self, key: str, n_bytes: int, digest: str) -> None:
        self.write({"part": key, "bytes": n_bytes, "sha256": digest})

    def write(self, fact: Fact) -> None:
        """A line of its own even after a torn one."""
        self.learn(fact)
        with self.path.open("ab+") as stream:
            torn = stream.tell() > 0 and not ends_with_newline(self.path)
            stream.write((b"\n" if torn else b"") + json.dumps(fact).encode() + b"\n")
            stream.flush()
            os.fsync(stream.fileno())

    def digests(self) -> set[str]:
        return set(self.known.values())

    def forget(self) -> None:
        self.path.unlink(missing_ok=True)


def fingerprint(source: Path) -> str:
    """Says which bytes were meant: the path counts only with the same size, time and inode."""
    status = source.stat(follow_symlinks=False)
    return f"{source}|{status.st_size}|{status.st_mtime_ns}|{status.st_ino}"


def ends_with_newline(path: Path) -> bool:
    with path.open("rb") as stream:
        stream.seek(-1, os.SEEK_END)
        return stream.read(1) == b"\n"


def read_lines(path: Path) -> Iterator[Fact]:
    """A torn line, left by a power loss, is passed over: its file is simply read again."""
    if not path.exists():
        return
    for line in path.read_bytes().splitlines():
        try:
            fact = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(fact, dict):
            yield cast(Fact, fact)
