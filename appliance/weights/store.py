"""The weight store of one node: `weights/blobs/sha256/<2>/<digest>` and `weights/versions/<version digest>/`.

A version's folder holds hard links to blobs and a `MANIFEST.json`, which is written last; the folder appears under
its name by one rename, so a version is visible only when it is whole.
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from appliance.base.errors import BadRequest, NotFound
from appliance.base.files import fsync_folder, write_atomically
from appliance.base.ids import new_uuid
from appliance.weights.blobs import BlobStore, hash_file, require_space
from appliance.weights.journal import ImportJournal
from appliance.weights.manifest import MANIFEST_FILE, Manifest, StoredFile, make_manifest, read_manifest
from appliance.weights.safety import Candidate, examine_folder


@dataclass(frozen=True)
class Progress:
    """`done_bytes` of `total_bytes`; `file` is the one being read."""

    file: str
    done_bytes: int
    total_bytes: int


@dataclass(frozen=True)
class Publication:
    digest: str
    total_bytes: int
    path: Path
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Damage:
    """A file of a version that is not what its manifest says."""

    path: str
    reason: str


ProgressCallback = Callable[[Progress], None]


def silent(progress: Progress) -> None:
    """The callback of those who do not watch."""


class WeightStore:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.versions_folder = root / "versions"
        self.staging = root / "staging"
        self.blobs = BlobStore(root / "blobs" / "sha256", staging=self.staging)

    def versions(self) -> tuple[str, ...]:
        """Digests of the versions that are whole."""
        return tuple(sorted(manifest.parent.name for manifest in self.versions_folder.glob(f"*/{MANIFEST_FILE}")))

    def path_of(self, digest: str) -> Path:
        """The version's folder, as an engine loads it; raises NotFound."""
        path = self.versions_folder / digest
        if not (path / MANIFEST_FILE).is_file():
            raise NotFound(f"The weight store has no version {digest[:12]}.", hint="Import the model.")
        return path

    def publish(
        self, source: Path, *, expected: Mapping[str, str] | None = None, progress: ProgressCallback = silent
    ) -> Publication:
        """Check, copy and hash the model in `source` and make it a version.

        `expected` maps relative paths to SHA-256 digests (empty where unknown) and limits the import to those files.
        Raises BadRequest for what is unsafe or differs, Insufficient where space is short. Run again after a break, it
        takes up after the last file that was finished.
        """
        found = examine_folder(source)
        files = chosen(found.files, expected=expected)
        with self.exclusively():
            self.sweep()
            journal = ImportJournal(self.staging / f"{hashlib.sha256(str(source).encode()).hexdigest()[:16]}.journal")
            require_space(self.root, need_bytes=sum(file.bytes for file in self.missing(files, source, journal)))
            stored = self.take_in(files, source=source, journal=journal, expected=expected or {}, progress=progress)
            manifest = make_manifest(stored)
            path = self.assemble(manifest)
            journal.forget()
        return Publication(manifest.digest, manifest.total_bytes, path, left_out=found.left_out)

    def verify(self, digest: str, *, progress: ProgressCallback = silent) -> list[Damage]:
        """Read every byte of a version again; the damaged files, named, or an empty list."""
        folder = self.path_of(digest)
        manifest = read_manifest(folder)
        meter = Meter(manifest.total_bytes, progress)
        return [damage for file in manifest.files if (damage := inspect(folder, file, meter=meter))]

    def check_sizes(self, digest: str) -> list[Damage]:
        """The quick check before a start: every file is there with its size."""
        folder = self.path_of(digest)
        return [damage for file in read_manifest(folder).files if (damage := inspect_size(folder, file))]

    def repair(self, digest: str, source: Path, *, progress: ProgressCallback = silent) -> list[Damage]:
        """Replace damaged files of a version from `source`, in every version that holds them; what is still damaged."""
        with self.exclusively():
            for damage in self.verify(digest, progress=progress):
                self.mend(digest, damage.path, source=source)
        return self.verify(digest, progress=progress)

    def mend(self, digest: str, path: str, *, source: Path) -> None:
        wanted = next(file for file in read_manifest(self.path_of(digest)).files if file.path == path)
        candidate = source / path
        if not candidate.is_file() or hash_file(candidate, advance=lambda _: None) != wanted.sha256:
            return
        self.blobs.add(candidate, advance=lambda _: None, replace=True)
        for version in self.versions():
            folder = self.versions_folder / version
            for file in read_manifest(folder).files:
                if file.sha256 == wanted.sha256:
                    self.relink(folder / file.path, digest=file.sha256)

    def relink(self, place: Path, *, digest: str) -> None:
        """A repaired blob is a new file, so links to the damaged one are replaced."""
        place.parent.mkdir(parents=True, exist_ok=True)
        temporary = place.with_name(f".{place.name}.{new_uuid().hex}")
        os.link(self.blobs.path(digest), temporary)
        temporary.replace(place)
        fsync_folder(place.parent)

    def missing(self, files: list[Candidate], source: Path, journal: ImportJournal) -> list[Candidate]:
        """The files whose bytes are not in the store yet, as far as can be told without reading them."""
        return [file for file in files if not self.is_known(journal.digest_of(source / file.path), file)]

    def is_known(self, digest: str | None, file: Candidate) -> bool:
        return bool(digest) and self.blobs.has(str(digest), size_bytes=file.bytes)

    def take_in(
        self,
        files: list[Candidate],
        *,
        source: Path,
        journal: ImportJournal,
        expected: Mapping[str, str],
        progress: ProgressCallback,
    ) -> list[StoredFile]:
        meter = Meter(sum(file.bytes for file in files), progress)
        stored: list[StoredFile] = []
        for file in files:
            meter.file = file.path
            origin = source / file.path
            digest = journal.digest_of(origin)
            if digest is not None and self.is_known(digest, file):
                meter.advance(file.bytes)
            else:
                digest = self.blobs.add(origin, advance=meter.advance)
                journal.note(origin, digest)
            refuse_difference(file.path, found=digest, wanted=expected.get(file.path, ""))
            stored.append(StoredFile(path=file.path, sha256=digest, bytes=self.blobs.path(digest).stat().st_size))
        return stored

    def assemble(self, manifest: Manifest) -> Path:
        """Link the blobs into a folder, write the manifest last, and give the folder its name."""
        target = self.versions_folder / manifest.digest
        if (target / MANIFEST_FILE).is_file():
            return target
        folder = self.staging / new_uuid().hex
        for file in manifest.files:
            place = folder / file.path
            place.parent.mkdir(parents=True, exist_ok=True)
            os.link(self.blobs.path(file.sha256), place)
        for inner in {(folder / file.path).parent for file in manifest.files}:
            fsync_folder(inner)
        write_atomically(folder / MANIFEST_FILE, manifest.canonical(), mode=0o444)
        self.versions_folder.mkdir(parents=True, exist_ok=True)
        folder.rename(target)
        fsync_folder(self.versions_folder)
        return target

    def sweep(self) -> None:
        """Remove what a killed import left in staging; its journal stays. Only under the lock."""
        for entry in self.staging.iterdir():
            if entry.is_dir():
                shutil.rmtree(entry)
            elif entry.suffix == ".partial":
                entry.unlink()

    @contextmanager
    def exclusively(self) -> Generator[None]:
        """One writer at a time on this node; the kernel frees the lock when its holder dies."""
        self.staging.mkdir(parents=True, exist_ok=True)
        with (self.root / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


class Meter:
    """Adds up the bytes of one run and tells the watcher."""

    def __init__(self, total_bytes: int, progress: ProgressCallback) -> None:
        self.total_bytes = total_bytes
        self.done_bytes = 0
        self.file = ""
        self.progress = progress

    def advance(self, n_bytes: int) -> None:
        self.done_bytes += n_bytes
        self.progress(Progress(file=self.file, done_bytes=self.done_bytes, total_bytes=self.total_bytes))


def chosen(files: tuple[Candidate, ...], *, expected: Mapping[str, str] | None) -> list[Candidate]:
    """All files, or those that are expected; raises BadRequest that names the first one missing."""
    if not expected:
        return list(files)
    present = {file.path for file in files}
    for path in sorted(expected):
        if path not in present:
            raise BadRequest(f"{path} is missing.", hint="Bring the whole folder.", param="source", path=path)
    return [file for file in files if file.path in expected]


def refuse_difference(path: str, *, found: str, wanted: str) -> None:
    if wanted and found != wanted:
        raise BadRequest(
            f"{path} is damaged or another version: its SHA-256 is {found[:12]}…, the catalogue says {wanted[:12]}….",
            hint="Fetch this file again.",
            param="source",
            code="digest_mismatch",
            path=path,
        )


def inspect(folder: Path, file: StoredFile, *, meter: Meter) -> Damage | None:
    meter.file = file.path
    if wrong := inspect_size(folder, file):
        meter.advance(file.bytes)
        return wrong
    if hash_file(folder / file.path, advance=meter.advance) != file.sha256:
        return Damage(file.path, "its bytes have changed")
    return None


def inspect_size(folder: Path, file: StoredFile) -> Damage | None:
    try:
        size = (folder / file.path).stat().st_size
    except FileNotFoundError:
        return Damage(file.path, "is missing")
    return None if size == file.bytes else Damage(file.path, f"has {size} bytes instead of {file.bytes}")
