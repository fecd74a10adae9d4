"""What the store holds and what of it nobody needs: disk use per version, and the removal of what is left over."""

import os
import shutil
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from appliance.base import clock
from appliance.base.errors import SetupError
from appliance.base.files import fsync_folder
from appliance.weights.arrivals import is_named, is_under_way, try_lock
from appliance.weights.manifest import read_manifest
from appliance.weights.store import WeightStore, remove_unlinked, wanted_digests

YOUNG_SECONDS = 3600.0
"""A version this young may be one whose import ended a moment ago, before the control plane wrote it down."""

STALE_SECONDS = 7 * 24 * 3600.0
"""What a broken-off import had verified is kept this long for its next attempt."""


@dataclass(frozen=True)
class VersionUse:
    """`shared_bytes` lie in blobs that other versions have too; `own_bytes` would come free with this version."""

    digest: str
    total_bytes: int
    own_bytes: int
    shared_bytes: int


@dataclass(frozen=True)
class StoreUse:
    """`stored_bytes` counts each blob once. `orphan_bytes`: blobs of no version; `arriving_bytes`: half-way imports."""

    versions: tuple[VersionUse, ...]
    stored_bytes: int
    orphan_bytes: int
    arriving_bytes: int
    free_bytes: int


@dataclass(frozen=True)
class Collected:
    """What a collection removed, or would remove."""

    versions: tuple[str, ...]
    blobs: tuple[str, ...]
    arrivals: tuple[str, ...]
    freed_bytes: int


def store_use(store: WeightStore) -> StoreUse:
    sizes = {digest: path.stat().st_size for digest, path in store.blobs.digests().items()}
    holders: Counter[str] = Counter()
    manifests = {digest: read_manifest(store.path_of(digest)) for digest in store.versions()}
    for manifest in manifests.values():
        holders.update({file.sha256 for file in manifest.files})
    uses: list[VersionUse] = []
    for digest, manifest in manifests.items():
        blobs = {file.sha256: file.bytes for file in manifest.files}
        own = sum(size for blob, size in blobs.items() if holders[blob] == 1)
        uses.append(VersionUse(digest, manifest.total_bytes, own, sum(blobs.values()) - own))
    return StoreUse(
        versions=tuple(uses),
        stored_bytes=sum(sizes.values()),
        orphan_bytes=sum(size for digest, size in sizes.items() if not holders[digest]),
        arriving_bytes=folder_bytes(store.staging) + folder_bytes(store.arriving),
        free_bytes=shutil.disk_usage(store.root).free if store.root.is_dir() else 0,
    )


def collect(store: WeightStore, *, keep: Collection[str] | None, dry_run: bool = False) -> Collected:
    """Remove versions that are not in `keep` (None keeps all), blobs of no version, and old leftovers of imports.

    Never what an import needs: its arrival is locked, its journal or its own links hold its blobs, and a version is
    spared for an hour after it was published. Never what an export reads: that one holds the version. A file that an
    engine has mapped lives on until the engine lets go (unlink(2)), but `keep` must name everything that is served.
    """
    with store.exclusively():
        versions = [] if keep is None else [digest for digest in store.versions() if is_free(store, digest, keep)]
        arrivals = [folder for folder in all_leftovers(store) if is_stale(folder)]
        wanted = wanted_digests(store.staging, but=arrivals)
        blobs = orphans(store, wanted, gone=versions)
        freed = sum(size for _, size in blobs) + sum(folder_bytes(folder) for folder in arrivals)
        if not dry_run:
            remove(store, versions=versions, blobs=[digest for digest, _ in blobs], arrivals=arrivals)
    names = tuple(folder.name for folder in arrivals)
    return Collected(tuple(versions), tuple(digest for digest, _ in blobs), names, freed)


def is_free(store: WeightStore, digest: str, keep: Collection[str]) -> bool:
    return digest not in keep and age_seconds(store.path_of(digest)) > YOUNG_SECONDS and not store.is_read(digest)


def all_leftovers(store: WeightStore) -> list[Path]:
    """Of imports from folders, archives and hubs, and of those of artifacts, which have a lock of the same form."""
    return [*sorted(leftovers(store.staging)), *sorted(leftovers(store.arriving))]


def leftovers(staging: Path) -> list[Path]:
    return [path for path in staging.iterdir() if path.suffix != ".lock"] if staging.is_dir() else []


def is_stale(entry: Path) -> bool:
    """Trees and single files belong to nobody, for we hold the store's lock; arrivals wait for a week."""
    if entry.is_file() or entry.suffix == ".tree":
        return True
    return not is_under_way(entry) and age_seconds(entry) > STALE_SECONDS


def orphans(store: WeightStore, wanted: set[str], *, gone: list[str]) -> list[tuple[str, int]]:
    """Blobs with no link but their own once the versions in `gone` are away."""
    released: Counter[str] = Counter()
    for digest in gone:
        released.update(file.sha256 for file in read_manifest(store.path_of(digest)).files)
    found: list[tuple[str, int]] = []
    for digest, path in sorted(store.blobs.digests().items()):
        status = path.stat()
        if status.st_nlink - released[digest] <= 1 and digest not in wanted:
            found.append((digest, status.st_size))
    return found


def remove(store: WeightStore, *, versions: list[str], blobs: list[str], arrivals: list[Path]) -> None:
    """A version leaves its name in one rename, so nobody ever sees a part of it."""
    for digest in versions:
        grave = store.staging / f"{digest}.tree"
        shutil.rmtree(grave, ignore_errors=True)
        store.path_of(digest).rename(grave)
        fsync_folder(store.versions_folder)
        shutil.rmtree(grave)
    for digest in blobs:
        remove_unlinked(store.blobs.path(digest))
    for entry in arrivals:
        if entry.is_dir():
            remove_arrival(entry)
        else:
            entry.unlink()


def remove_arrival(folder: Path) -> None:
    """Under its own lock, as an import may have taken it up since we looked; never waiting, as that one may wait for
    ours.
    """
    lock = folder.with_suffix(".lock")
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if try_lock(descriptor) and is_named(descriptor, lock):
            if folder.is_dir() and age_seconds(folder) > STALE_SECONDS:
                shutil.rmtree(folder)
            lock.unlink()
    finally:
        os.close(descriptor)


def folder_bytes(folder: Path) -> int:
    """Of the files below that are not hard links to blobs."""
    if folder.is_file():
        return folder.stat().st_size
    found = [path.lstat() for path in folder.rglob("*") if path.is_file()]
    return sum(status.st_size for status in found if status.st_nlink == 1)


def age_seconds(path: Path) -> float:
    try:
        return clock.now().timestamp() - path.stat().st_mtime
    except FileNotFoundError as error:
        raise SetupError(f"{path} went away while it was looked at.", hint="Try again.") from error
