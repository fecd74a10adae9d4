"""The hash chain of audit entries, without a database.

An entry's hash is the SHA-256 of its canonical JSON (keys sorted, no spaces, UTF-8), which holds its number and the
hash of the entry before; the first one follows 64 zeros. `verify` needs nothing but the entries and the head, so an
exported file can be checked anywhere, with ten lines of any language.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

FIRST_HASH = "0" * 64
MOST_FAULTS = 20


@dataclass(frozen=True)
class Link:
    """One entry; an entry of the database that is not in the chain has the number 0."""

    sequence: int
    previous_hash: str
    hash: str
    content: dict[str, Any]


@dataclass(frozen=True)
class Head:
    """The last entry of the chain; kept apart from the entries, so that cutting off the end shows."""

    sequence: int = 0
    hash: str = FIRST_HASH


@dataclass(frozen=True)
class Fault:
    """`sequence` names the entry that was changed, or the first one that is missing."""

    sequence: int
    problem: str


@dataclass(frozen=True)
class Verdict:
    entries: int
    head: Head
    faults: tuple[Fault, ...]

    @property
    def holds(self) -> bool:
        return not self.faults


def entry_hash(content: dict[str, Any], *, sequence: int, previous_hash: str) -> str:
    """Hexadecimal. `content` holds what JSON can: text, numbers, lists, objects."""
    document = {**content, "sequence": sequence, "previous_hash": previous_hash}
    return hashlib.sha256(canonical(document)).hexdigest()


def canonical(document: dict[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def verify(entries: Iterable[Link], *, head: Head) -> Verdict:
    """Goes on after a fault, so that one changed entry does not hide the next; at most `MOST_FAULTS` are named."""
    faults: list[Fault] = []
    last, counted = Head(), 0
    for entry in entries:
        counted += 1
        faults += faults_of(entry, last=last)
        last = Head(entry.sequence, entry.hash)
    if last.sequence < head.sequence:
        faults.append(Fault(last.sequence + 1, missing(last.sequence + 1, head.sequence)))
    elif last != head:
        faults.append(Fault(last.sequence, "the head of the chain does not say the same hash"))
    return Verdict(entries=counted, head=last, faults=tuple(faults[:MOST_FAULTS]))


def faults_of(entry: Link, *, last: Head) -> list[Fault]:
    sequence, faults = entry.sequence, list[Fault]()
    if sequence != last.sequence + 1:
        faults.append(Fault(last.sequence + 1, missing(last.sequence + 1, sequence - 1)))
    elif entry.previous_hash != last.hash:
        faults.append(Fault(sequence, "it does not follow the entry before it"))
    expected = entry_hash(entry.content, sequence=sequence, previous_hash=entry.previous_hash)
    if entry.hash != expected:
        faults.append(Fault(sequence, "it was changed"))
    return faults


def missing(first: int, last: int) -> str:
    return "it is missing" if first == last else f"the entries {first} to {last} are missing"
