"""The desk at which files come in, whatever brings them: each is checked, verified and placed, then all together
become a version.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from appliance.base.errors import BadRequest
from appliance.weights.arrivals import Arrival
from appliance.weights.blobs import require_space
from appliance.weights.boundaries import Boundary, cross
from appliance.weights.manifest import StoredFile
from appliance.weights.parts import Part
from appliance.weights.progress import Meter
from appliance.weights.safety import STRICT, Rules, examine_file, refuse_missing_shards, refuse_without_weights

if TYPE_CHECKING:
    from appliance.weights.store import WeightStore


@dataclass(frozen=True)
class Wanted:
    """A file that is to come in. `key` names its very bytes in the journal; `sha256` is empty where unknown."""

    path: str
    key: str
    bytes: int | None
    sha256: str = ""


class Source(Protocol):
    """Something that brings files: a folder, an archive, a hub."""

    @property
    def name(self) -> str:
        """Names the source for people, and its arrival: two imports of one name wait for each other."""
        ...

    def deliver(self, desk: "Desk") -> tuple[str, ...]:
        """Hand every file to the desk; returns the names that were left out."""
        ...


@dataclass
class Desk:
    """`expected` maps relative paths to SHA-256 digests (empty where unknown) and limits what is taken in."""

    store: "WeightStore"
    arrival: Arrival
    meter: Meter
    expected: Mapping[str, str] = field(default_factory=dict[str, str])
    rules: Rules = STRICT
    taken: dict[str, StoredFile] = field(default_factory=dict[str, StoredFile])

    def chosen(self, files: list[Wanted]) -> list[Wanted]:
        """All files, or those that are expected; raises BadRequest that names the first one missing."""
        if not self.expected:
            return files
        present = {file.path for file in files}
        for path in sorted(self.expected):
            if path not in present:
                raise BadRequest(f"{path} is missing.", hint="Bring the whole folder.", param="source", path=path)
        return [file for file in files if file.path in self.expected]

    def announce(self, files: list[Wanted]) -> None:
        """Say what will come; raises Insufficient when there is no room for what is not in the store yet."""
        self.meter.total_bytes = sum(file.bytes or 0 for file in files)
        missing = [file for file in files if self.known_digest(file) is None]
        require_space(self.store.root, need_bytes=sum(self.missing_bytes(file) for file in missing))

    def missing_bytes(self, file: Wanted) -> int:
        path = self.arrival.part_path(file.key)
        return max((file.bytes or 0) - (path.stat().st_size if path.exists() else 0), 0)

    def known_digest(self, file: Wanted) -> str | None:
        """The digest of a file whose blob is there already: noted earlier, or promised by those whom we trust."""
        if file.bytes is None:
            return None
        for digest in (self.arrival.journal.digest_of(file.key), self.expected.get(file.path), file.sha256):
            if digest and self.store.blobs.has(digest, size_bytes=file.bytes):
                return digest
        return None

    def take_known(self, file: Wanted) -> bool:
        """Take a file that need not be read again; False where it has to be."""
        with self.store.exclusively():
            digest = self.known_digest(file)
            if digest is None:
                return False
            self.arrival.journal.note(file.key, digest)  # so that gc knows that it is wanted
        self.meter.file = file.path
        self.meter.skip(file.bytes or 0)
        self.register(file, digest, n_bytes=file.bytes or 0)
        return True

    def part(self, file: Wanted) -> Part:
        self.meter.file = file.path
        return Part(
            self.arrival.part_path(file.key),
            key=file.key,
            journal=self.arrival.journal,
            size_bytes=file.bytes,
            advance=self.meter.advance,
        )

    def accept(self, file: Wanted, part: Part) -> None:
        """Check a file that came whole, and place it. One that is wrong is removed, and only that one."""
        part.finish()
        digest = part.digest
        try:
            refuse_difference(file.path, found=digest, wanted=self.expected.get(file.path) or file.sha256)
            examine_file(part.path, name=file.path, rules=self.rules)
        except BadRequest:
            part.path.unlink()
            raise
        with self.store.exclusively():
            self.arrival.journal.note(file.key, digest)
            cross(Boundary.FILE_NOTED)
            if self.store.blobs.has(digest, size_bytes=part.n_bytes):
                part.path.unlink()
            else:
                self.store.blobs.place(part.path, digest)
        self.register(file, digest, n_bytes=part.n_bytes)

    def register(self, file: Wanted, digest: str, *, n_bytes: int) -> None:
        refuse_difference(file.path, found=digest, wanted=self.expected.get(file.path) or file.sha256)
        self.taken[file.path] = StoredFile(path=file.path, sha256=digest, bytes=n_bytes)

    def keep_expected(self) -> None:
        """For a source that could not choose beforehand: drop what is not expected, and hold the rest to its digest."""
        wanted = self.chosen([Wanted(path, key="", bytes=None) for path in self.taken])
        self.taken = {file.path: self.taken[file.path] for file in wanted}
        for path, stored in self.taken.items():
            refuse_difference(path, found=stored.sha256, wanted=self.expected.get(path, ""))

    def check_whole(self, source: str, tree: Path) -> None:
        """What only all files together can show; `tree` is the linked folder."""
        present = set(self.taken)
        refuse_without_weights(source, present)
        if not self.expected:
            refuse_missing_shards(tree, present)


def refuse_difference(path: str, *, found: str, wanted: str) -> None:
    if wanted and found != wanted:
        raise BadRequest(
            f"{path} is damaged or another version: its SHA-256 is {found[:12]}…, it should be {wanted[:12]}….",
            hint="Fetch this file again.",
            param="source",
            code="digest_mismatch",
            path=path,
        )
