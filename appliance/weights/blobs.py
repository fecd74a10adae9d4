"""Content-addressed files: `blobs/sha256/<2>/<digest>`, read-only, whole or not there."""

import hashlib
import os
import shutil
from collections.abc import Callable
from errno import EDQUOT, ENOSPC
from pathlib import Path

from appliance.base.errors import BadRequest, Insufficient, SetupError
from appliance.base.files import fsync_folder
from appliance.base.ids import new_uuid

CHUNK_BYTES = 4 * 1024 * 1024
RESERVE_BYTES = 256 * 1024 * 1024
"""Left free on the disk, so that PostgreSQL and the logs beside the weights go on."""

Advance = Callable[[int], None]


def hash_file(path: Path, *, advance: Advance) -> str:
    """SHA-256 in hexadecimal; `advance` hears the bytes of each chunk."""
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as stream:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
            advance(len(chunk))
    return digest.hexdigest()


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
        finally:
            partial.unlink(missing_ok=True)
        return digest

    def place(self, partial: Path, digest: str) -> None:
        """Put a written, synced file in the place of its digest, over a damaged one if there is one."""
        target = self.path(digest)
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.chmod(0o444)
        partial.replace(target)
        fsync_folder(target.parent)


def copy_and_hash(source: Path, target: Path, *, advance: Advance) -> str:
    """Raises BadRequest where `source` became a link, Insufficient where the disk is full."""
    digest = hashlib.sha256()
    try:
        descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError as error:
        raise BadRequest(f"{source} cannot be read: {error.strerror}.", param="source") from error
    try:
        with os.fdopen(descriptor, "rb", buffering=0) as reader, target.open("wb", buffering=0) as writer:
            while chunk := reader.read(CHUNK_BYTES):
                digest.update(chunk)
                write_all(writer.fileno(), chunk)
                advance(len(chunk))
            os.fsync(writer.fileno())
    except OSError as error:
        raise storage_error(error, target) from error
    return digest.hexdigest()


def write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def storage_error(error: OSError, path: Path) -> SetupError | Insufficient:
    if error.errno in (ENOSPC, EDQUOT):
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
