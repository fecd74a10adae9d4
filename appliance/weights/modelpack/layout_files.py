"""Reading an OCI layout from a folder or from a tar of it: nothing is unpacked, no link is followed."""

import os
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Protocol, cast

from appliance.base.errors import BadRequest
from appliance.weights.copying import CHUNK_BYTES
from appliance.weights.modelpack.documents import refused

MOST_TAR_MEMBERS = 20_000
LARGEST_TAR_HEADER = 1024 * 1024


class LayoutFiles(Protocol):
    """The files of a layout by their names in it."""

    name: str

    def size(self, path: str) -> int | None: ...

    def stream(self, path: str, *, offset: int) -> Iterator[bytes]: ...


class FolderFiles:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.name = str(root)

    def size(self, path: str) -> int | None:
        try:
            status = (self.root / path).lstat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return status.st_size if stat.S_ISREG(status.st_mode) else None

    def stream(self, path: str, *, offset: int) -> Iterator[bytes]:
        with open_plain(self.root / path) as file:
            file.seek(offset)
            while chunk := file.read(CHUNK_BYTES):
                yield chunk


class TarFiles:
    """An uncompressed tar, read in place: members are found once, their bytes by offset."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = str(path)
        self.places = places_in(path)

    def size(self, path: str) -> int | None:
        return self.places[path][1] if path in self.places else None

    def stream(self, path: str, *, offset: int) -> Iterator[bytes]:
        start, size = self.places[path]
        left = size - offset
        with open_plain(self.path) as file:
            file.seek(start + offset)
            while left > 0 and (chunk := file.read(min(CHUNK_BYTES, left))):
                left -= len(chunk)
                yield chunk


class BoundedReads:
    """Under `tarfile`, which reads a header of any size that a tar claims into memory at once."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= LARGEST_TAR_HEADER:
            raise refused("The tar has a header that is too large.", code="unsafe_artifact")
        return self.file.read(size)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self.file.seek(offset, whence)

    def tell(self) -> int:
        return self.file.tell()


def places_in(path: Path) -> dict[str, tuple[int, int]]:
    """Name to (offset, size) of every file. Raises BadRequest for what has no place in a layout: refused as a whole."""
    places: dict[str, tuple[int, int]] = {}
    with open_plain(path) as file:
        length = os.fstat(file.fileno()).st_size
        try:
            with tarfile.open(fileobj=cast("IO[bytes]", BoundedReads(file)), mode="r:") as archive:
                for count, member in enumerate(archive, start=1):
                    if count > MOST_TAR_MEMBERS:
                        raise refused(f"{path} has more than {MOST_TAR_MEMBERS} entries.", code="unsafe_artifact")
                    if (name := plain_name(member)) is not None:
                        refuse_place(name, member, places=places, length=length)
                        places[name] = (member.offset_data, member.size)
        except (tarfile.TarError, ValueError, OverflowError) as error:
            raise refused(f"{path} is no uncompressed tar ({str(error)[:120]}).", hint="Unpack it first.") from error
    return places


def refuse_place(name: str, member: tarfile.TarInfo, *, places: dict[str, tuple[int, int]], length: int) -> None:
    if name in places:
        raise unsafe_member(member, "stands there twice")
    if member.size < 0 or member.offset_data + member.size > length:
        raise refused(f"The tar ends in the middle of {name[:120]}.", hint="Copy it again.", code="truncated")


def plain_name(member: tarfile.TarInfo) -> str | None:
    """The name inside the layout, None for a folder. Raises BadRequest for links, devices and names that lead out."""
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or "\0" in member.name:
        raise unsafe_member(member, "leads out of the folder")
    if member.isdir():
        return None
    if not member.isreg() or member.issparse():
        raise unsafe_member(member, "is no ordinary file")
    return str(path)


def unsafe_member(member: tarfile.TarInfo, reason: str) -> BadRequest:
    return refused(f"The tar's entry {member.name[:120]!r} {reason}.", code="unsafe_artifact")


def open_plain(path: Path) -> IO[bytes]:
    """Only an ordinary file: neither the target of a link, nor a pipe that never ends."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise refused(f"{path} cannot be read: {error.strerror}.") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise refused(f"{path} is no ordinary file.")
    return os.fdopen(descriptor, "rb", buffering=0)


def read_small(files: LayoutFiles, path: str, *, limit: int, size: int | None = None) -> bytes:
    """The whole of a small file; raises BadRequest before more than `limit` bytes are held."""
    found = files.size(path)
    if found is None:
        raise refused(f"{files.name} has no {path}.", hint="Copy it again, or fetch what is missing.", code="missing")
    if found > limit:
        raise refused(f"{path} has {found} bytes; at most {limit} are read.")
    if size is not None and size != found:
        raise refused(f"{path} has {found} bytes instead of {size}.", hint="Copy it again.", code="digest_mismatch")
    return b"".join(files.stream(path, offset=0))
