"""The weight store of one node: `weights/blobs/sha256/<2>/<digest>` and `weights/versions/<version digest>/`.

A version's folder holds hard links to blobs and a `MANIFEST.json`, which is written last; the folder appears under
its name by one rename, so a version is visible only when it is whole.
"""

import fcntl
import os
import shutil
from collections.abc import Callable, Collection, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from appliance.base.errors import BadRequest, NotFound
from appliance.base.files import fsync_folder, write_atomically
from appliance.base.ids import new_uuid
from appliance.weights.archives import ArchiveSource
from appliance.weights.arrivals import JOURNAL_FILE, Arrival, arrival_of, try_lock
from appliance.weights.blobs import BlobStore, make_folder, storage_error
from appliance.weights.boundaries import Boundary, cross
from appliance.weights.copying import hash_file
from appliance.weights.folders import FolderSource
from appliance.weights.intake import Desk, Source
from appliance.weights.journal import ImportJournal
from appliance.weights.manifest import MANIFEST_FILE, Manifest, StoredFile, make_manifest, read_manifest
from appliance.weights.progress import Meter, Progress, ProgressCallback, silent
from appliance.weights.safety import STRICT, Rules

__all__ = ["Damage", "Progress", "ProgressCallback", "Publication", "WeightStore"]

REFUSED_WHOLE = ("unsafe_weights", "unsafe_archive")
"""Codes after which nothing of what came is kept. After others, such as a wrong digest, the good files are."""


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


class WeightStore:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.versions_folder = root / "versions"
        self.staging = root / "staging"
        self.arriving = root / "arriving"
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
        self,
        source: Path | Source,
        *,
        expected: Mapping[str, str] | None = None,
        rules: Rules = STRICT,
        progress: ProgressCallback = silent,
    ) -> Publication:
        """Check, copy and hash the model that `source` brings (a path: a folder or an archive) and make it a version.

        `expected` maps relative paths to SHA-256 digests (empty where unknown) and limits the import to those files.
        Raises BadRequest for what is unsafe or differs, Insufficient where space is short. Run again after a break, it
        takes up after the last stretch that was verified.
        """
        bringer = source_at(source) if isinstance(source, Path) else source
        meter = Meter(0, progress)
        with arrival_of(
            bringer.name, staging=self.staging, on_wait=lambda: meter.tell(note="another import of this model goes on")
        ) as arrival:
            desk = Desk(self, arrival, meter, expected or {}, rules)
            try:
                left_out = bringer.deliver(desk)
                publication = self.assemble_from(desk, source=bringer.name, left_out=left_out)
            except BadRequest as error:
                if error.error_code in REFUSED_WHOLE:
                    self.discard(arrival)
                raise
            except OSError as error:
                raise storage_error(error, arrival.folder) from error
            arrival.forget()
        return publication

    def assemble_from(self, desk: Desk, *, source: str, left_out: tuple[str, ...]) -> Publication:
        manifest = make_manifest(list(desk.taken.values()))
        with self.exclusively():
            path = self.assemble(manifest, check=lambda tree: desk.check_whole(source, tree))
        return Publication(manifest.digest, manifest.total_bytes, path, left_out=left_out)

    def discard(self, arrival: Arrival) -> None:
        """Leave nothing of an import that was refused: its parts, and its blobs that no version has."""
        with self.exclusively():
            others = wanted_digests(self.staging, but=[arrival.folder])
            for digest in arrival.journal.digests() - others:
                remove_unlinked(self.blobs.path(digest))
            arrival.forget()

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

    def assemble(self, manifest: Manifest, *, check: Callable[[Path], None] = lambda _: None) -> Path:
        """Link the blobs into a folder, write the manifest last, and give the folder its name.

        Everything below the folder is on the disk before the folder gets its name, and the name is before we return, so
        a power loss leaves the whole version or none. `check` sees the linked folder. Only under the lock.
        """
        target = self.versions_folder / manifest.digest
        if (target / MANIFEST_FILE).is_file():
            check(target)
            os.utime(target)  # young again: gc waits until the control plane has heard of it
            return target
        self.sweep_trees()
        folder = self.staging / f"{new_uuid().hex}.tree"
        try:
            self.link_tree(manifest, folder)
            check(folder)
            write_atomically(folder / MANIFEST_FILE, manifest.canonical(), mode=0o444)
            cross(Boundary.MANIFEST_WRITTEN)
            make_folder(self.versions_folder)
            if target.exists():
                shutil.rmtree(target)  # it lost its manifest
            folder.rename(target)
            cross(Boundary.VERSION_NAMED)
            fsync_folder(self.versions_folder)
            cross(Boundary.VERSION_SYNCED)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return target

    def sweep_trees(self) -> None:
        """What a killed import had linked; whoever holds the lock may remove it."""
        for tree in self.staging.glob("*.tree"):
            shutil.rmtree(tree)

    def link_tree(self, manifest: Manifest, folder: Path) -> None:
        make_folder(folder)
        folders = {folder}
        for file in manifest.files:
            place = folder / file.path
            make_folder(place.parent)
            os.link(self.blobs.path(file.sha256), place)
            cross(Boundary.FILE_LINKED)
            folders.add(place.parent)
        for inner in folders:
            fsync_folder(inner)
        cross(Boundary.FOLDERS_SYNCED)

    @contextmanager
    def reading(self, digest: str) -> Generator[Path]:
        """The version's folder, which gc leaves alone meanwhile; the kernel frees the lock when its holder dies."""
        with self.exclusively():  # so that no gc is between its question and its deed
            descriptor = os.open(self.path_of(digest), os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(descriptor, fcntl.LOCK_SH)
        try:
            yield self.path_of(digest)
        finally:
            os.close(descriptor)

    def is_read(self, digest: str) -> bool:
        """Whether somebody reads it now. Only under the store's lock."""
        descriptor = os.open(self.path_of(digest), os.O_RDONLY | os.O_DIRECTORY)
        try:
            return not try_lock(descriptor)
        finally:
            os.close(descriptor)

    @contextmanager
    def exclusively(self) -> Generator[None]:
        """One who places, links or removes at a time on this node; the kernel frees the lock when its holder dies."""
        make_folder(self.staging)
        with (self.root / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def source_at(path: Path) -> Source:
    return ArchiveSource(path) if path.is_file() else FolderSource(path)


def wanted_digests(staging: Path, *, but: Collection[Path] = ()) -> set[str]:
    """What the imports that are under way, or broken off, have placed."""
    journals = [path for path in staging.glob(f"*/{JOURNAL_FILE}") if path.parent not in but]
    return {digest for path in journals for digest in ImportJournal(path).digests()}


def remove_unlinked(blob: Path) -> int:
    """Remove a blob that no version links to; the bytes that this freed."""
    try:
        status = blob.stat()
    except FileNotFoundError:
        return 0
    if status.st_nlink > 1:
        return 0
    blob.unlink()
    return status.st_size


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
