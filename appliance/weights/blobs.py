"""Content-addressed files: `blobs/sha256/<2>/<digest>`, read-only, whole or not there."""

import shutil
from errno import EDQUOT, EFBIG, ENOSPC
from pathlib import Path

from appliance.base.errors import Insufficient, SetupError
from appliance.base.files import fsync_folder
from appliance.base.ids import new_uuid
from appliance.weights.boundaries import Boundary, cross
from appliance.weights.copying import Advance, copy_and_hash

RESERVE_BYTES = 256 * 1024 * 1024
"""Left free on the disk, so that PostgreSQL and the logs beside the weights go on."""


class BlobStore:
    """Blobs below `root` on one file system with `staging`, where they are written before they are renamed."""

    def __init__(self, root: Path, *, staging: Path) -> None:
        self.root = root
        self.staging = staging

    def path(self, digest: str) -> Path:
        return self.root / digest[:2] / digest

    def has(self, digest: str, *, size_bytes: int) -> bool:
        """Whether the blob is there with its size. Its bytes were verified when it was written."""
        try:
            return self.path(digest).stat().st_size == size_bytes
        except FileNotFoundError:
            return False

    def add(self, source: Path, *, advance: Advance, replace: bool = False) -> str:
        """Copy `source` and hash the very bytes that are written; returns the digest.

        A hard link from a stranger's file would let a later edit of that file change a verified blob, so it is a copy.
        A blob that is there already stays, as versions share its file, unless `replace` says that it is damaged.
        """
        partial = self.staging / f"{new_uuid().hex}.partial"
        try:
            digest = copy_and_hash(source, partial, advance=advance)
            if replace or not self.has(digest, size_bytes=partial.stat().st_size):
                self.place(partial, digest)
        except OSError as error:
            raise storage_error(error, partial) from error
        finally:
            partial.unlink(missing_ok=True)
        return digest

    def place(self, partial: Path, digest: str) -> None:
        """Put a written, synced file in the place of its digest, over a damaged one if there is one."""
        target = self.path(digest)
        make_folder(target.parent)
        partial.chmod(0o444)
        partial.replace(target)
        cross(Boundary.BLOB_PLACED)
        fsync_folder(target.parent)
        cross(Boundary.BLOB_SYNCED)

    def digests(self) -> dict[str, Path]:
        """Every blob that is there."""
        return {path.name: path for path in self.root.glob("??/*")} if self.root.is_dir() else {}


def make_folder(folder: Path) -> None:
    """Create a folder and those above it so that their names survive a power loss: a folder's own fsync does not
    make its entry in the folder above durable (fsync(2)).
    """
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    fsync_folder(folder.parent)


def storage_error(error: OSError, path: Path) -> SetupError | Insufficient:
    if error.errno in (ENOSPC, EDQUOT, EFBIG):
        return Insufficient(f"The disk of {path.parent} is full.", hint="Free some space and start the import again.")
    return SetupError(f"{path} cannot be written: {error.strerror}.", hint="Look at the disk and the folder's owner.")


def require_space(folder: Path, *, need_bytes: int) -> None:
    """Raises Insufficient before anything is written, so that a large import does not fail half-way."""
    free = shutil.disk_usage(folder).free
    if free < need_bytes + RESERVE_BYTES:
        raise Insufficient(
            f"The import needs {gib(need_bytes)} beside a reserve of {gib(RESERVE_BYTES)}; {folder} has {gib(free)}.",
            hint="Free some space, or move the home to a larger disk.",
            need_bytes=need_bytes,
            free_bytes=free,
        )


def gib(n_bytes: int) -> str:
    return f"{n_bytes / 2**30:.2f} GiB"
