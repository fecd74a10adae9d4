"""A model in a tar archive, plain, gzip or zstd: streamed in one pass, refused whole for what no honest one has.

Layout: POSIX.1-2024 pax, "ustar Interchange Format", and GNU's extensions to it. The standard library parses the
headers; what it would read on a header's word alone is bounded here, because a file object that it reads from is ours.
"""

import gzip
import lzma
import tarfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from appliance.base.errors import BadRequest
from appliance.weights.blobs import require_space
from appliance.weights.compression import open_zstd
from appliance.weights.copying import CHUNK_BYTES, open_plain
from appliance.weights.intake import Desk, Wanted
from appliance.weights.journal import fingerprint
from appliance.weights.safety import belongs, refuse_by_name

MOST_MEMBERS = 20_000
MOST_HEADER_BYTES = 1024 * 1024
"""Between two members: long names and pax records."""

MOST_RATIO = 200
RATIO_FREE_BYTES = 256 * 1024 * 1024
"""Weights hardly compress; what grows more than 200-fold beyond the first 256 MiB is a bomb."""

LONGEST_PATH_BYTES = 1024
DEEPEST_PATH = 16
GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
STREAM_ERRORS = (tarfile.TarError, ValueError, OverflowError, OSError, EOFError, zlib.error, lzma.LZMAError)


PACK_AGAIN = "Make the archive anew with `tar -cf` from the model's folder."


def refused(reason: str, *, hint: str = PACK_AGAIN) -> BadRequest:
    return BadRequest(f"The archive {reason}", hint=hint, param="source", code="unsafe_archive")


@dataclass(frozen=True)
class ArchiveSource:
    path: Path

    @property
    def name(self) -> str:
        return str(self.path)

    def deliver(self, desk: Desk) -> tuple[str, ...]:
        """One pass: a file that an earlier attempt verified is passed over where the archive can seek."""
        prefix = f"{fingerprint(self.path)}|"
        walk = Walk()
        with self.stream() as stream:
            for member in walk.members(stream):
                self.take(member, stream, desk, key=prefix + member.name, walk=walk)
        strip_single_folder(desk)
        desk.keep_expected()
        return tuple(sorted(walk.left_out))

    def take(self, member: tarfile.TarInfo, stream: "BoundedStream", desk: Desk, *, key: str, walk: "Walk") -> None:
        if any(part.startswith(".") for part in PurePosixPath(member.name).parts):
            return
        refuse_by_name(member.name, rules=desk.rules)
        if not belongs(member.name):
            walk.left_out.append(member.name)
            return
        file = Wanted(member.name, key=key, bytes=member.size)
        desk.meter.total_bytes = max(desk.meter.total_bytes, desk.meter.done_bytes + member.size)
        if desk.take_known(file):
            return
        require_space(desk.store.root, need_bytes=desk.missing_bytes(file))
        with desk.part(file) as part:
            stream.skip(part.n_bytes)
            for chunk in stream.content(member.size - part.n_bytes):
                part.write(chunk)
            desk.accept(file, part)

    @contextmanager
    def stream(self) -> Generator["BoundedStream"]:
        with open_plain(self.path) as descriptor, open(descriptor, "rb", closefd=False) as raw:
            head = raw.read(4)
            raw.seek(0)
            if head.startswith(GZIP):
                with gzip.GzipFile(fileobj=raw) as unpacked:
                    yield BoundedStream(cast(BinaryIO, unpacked), raw=raw)
            elif head.startswith(ZSTD):
                with open_zstd(raw) as unpacked:
                    yield BoundedStream(unpacked, raw=raw)
            else:
                yield BoundedStream(raw, raw=None)


class BoundedStream:
    """What tarfile reads headers from: forward only, a bounded number of bytes between two members, no bombs.

    `raw` is the compressed file below; without one the stream itself can seek.
    """

    def __init__(self, stream: BinaryIO, *, raw: BinaryIO | None) -> None:
        self.stream = stream
        self.raw = raw
        self.position = 0
        self.header_bytes = 0

    def tell(self) -> int:
        return self.position

    def read(self, n_bytes: int) -> bytes:
        """For headers, on behalf of tarfile."""
        self.header_bytes += n_bytes
        if n_bytes < 0 or self.header_bytes > MOST_HEADER_BYTES:
            raise refused("has a header of more than 1 MiB.")
        return self.pull(n_bytes)

    def seek(self, position: int) -> int:
        if position < self.position:
            raise refused("has a header that points backwards.")
        self.skip(position - self.position)
        return self.position

    def skip(self, n_bytes: int) -> None:
        if self.raw is None:
            self.position = self.stream.seek(self.position + n_bytes)
            return
        for _ in self.content(n_bytes):
            pass

    def content(self, n_bytes: int) -> Iterator[bytes]:
        """The next `n_bytes` in chunks; raises BadRequest where the archive ends before."""
        left = n_bytes
        while left > 0:
            chunk = self.pull(min(CHUNK_BYTES, left))
            if not chunk:
                raise refused("ends in the middle of a file.", hint="Fetch or copy the archive again.")
            left -= len(chunk)
            yield chunk

    def pull(self, n_bytes: int) -> bytes:
        try:
            found = self.stream.read(n_bytes)
        except STREAM_ERRORS as error:
            raise refused(f"cannot be unpacked ({error}).", hint="Fetch or copy the archive again.") from error
        self.position += len(found)
        if self.raw is not None and self.position > RATIO_FREE_BYTES + MOST_RATIO * self.raw.tell():
            raise refused("grows more than 200-fold when it is unpacked.")
        return found


@dataclass
class Walk:
    """Goes through the members and refuses the archive at the first that may not be."""

    left_out: list[str] = field(default_factory=list[str])
    files: set[str] = field(default_factory=set[str])
    folders: set[str] = field(default_factory=set[str])

    def members(self, stream: BoundedStream) -> Iterator[tarfile.TarInfo]:
        """Every ordinary file. The caller reads from the stream between two steps, or leaves that to the next."""
        archive = self.open(stream)
        count = 0
        while (member := self.next(archive, stream)) is not None:
            count += 1
            if count > MOST_MEMBERS:
                raise refused(f"has more than {MOST_MEMBERS} members.")
            archive.members = []  # pyright: ignore[reportAttributeAccessIssue]  tarfile would keep them all
            member.name = self.checked_name(member)
            if member.isreg():
                yield member
        if count == 0:
            raise refused("is empty.")

    def open(self, stream: BoundedStream) -> tarfile.TarFile:
        try:
            return tarfile.TarFile(fileobj=cast(BinaryIO, stream), mode="r", errorlevel=2, encoding="utf-8")
        except STREAM_ERRORS as error:
            raise refused(f"cannot be read as tar ({error}).") from error

    def next(self, archive: tarfile.TarFile, stream: BoundedStream) -> tarfile.TarInfo | None:
        stream.header_bytes = 0
        try:
            return archive.next()
        except STREAM_ERRORS as error:
            raise refused(f"is damaged or no tar archive ({error}).", hint="Fetch or copy it again.") from error

    def checked_name(self, member: tarfile.TarInfo) -> str:
        """The member's path, normal and inside; raises BadRequest for every trick that we know."""
        shown = ascii(member.name[:120])
        self.check_kind(member, shown)
        path = PurePosixPath(member.name)
        parts = path.parts
        if path.is_absolute() or ".." in parts or "\\" in member.name or "\0" in member.name:
            raise refused(f"has {shown}, which leads out of its folder.")
        if len(parts) > DEEPEST_PATH or not is_plain_text(member.name):
            raise refused(f"has {shown}, whose name is too long, too deep or not UTF-8.")
        self.check_once(path, member, shown)
        return path.as_posix()

    def check_kind(self, member: tarfile.TarInfo, shown: str) -> None:
        if member.issym() or member.islnk():
            raise refused(f"has {shown}, which is a link.", hint="Make it with `tar --dereference --hard-dereference`.")
        sparse = member.issparse() or any(key.startswith("GNU.sparse") for key in member.pax_headers)
        if sparse:
            raise refused(f"has {shown}, which is sparse.", hint="Make it without `--sparse`.")
        if not (member.isdir() or member.isreg()):
            raise refused(f"has {shown}, which is a device or another special file.")
        if member.size < 0 or (member.isdir() and member.size):
            raise refused(f"has {shown} with a size that cannot be.")

    def check_once(self, path: PurePosixPath, member: tarfile.TarInfo, shown: str) -> None:
        """No name twice (case aside, as some file systems see it), and no file that is a folder elsewhere."""
        folded = path.as_posix().casefold()
        above = {parent.as_posix().casefold() for parent in path.parents}
        if member.isdir():
            clash = folded in self.files or above & self.files
            self.folders |= above | {folded}
        else:
            clash = folded in self.files or folded in self.folders or above & self.files
            self.files.add(folded)
            self.folders |= above
        if clash:
            raise refused(f"has {shown} twice.")


def is_plain_text(name: str) -> bool:
    """tarfile keeps bytes that are no UTF-8 as lone surrogates."""
    try:
        return len(name.encode()) <= LONGEST_PATH_BYTES
    except UnicodeEncodeError:
        return False


def strip_single_folder(desk: Desk) -> None:
    """`tar -cf model.tar model/` puts everything below one folder; the model's root is that folder."""
    tops = {PurePosixPath(path).parts[0] for path in desk.taken}
    if len(tops) != 1 or any(len(PurePosixPath(path).parts) == 1 for path in desk.taken):
        return
    inner = {path.split("/", 1)[1]: file for path, file in desk.taken.items()}
    desk.taken = {path: file.model_copy(update={"path": path}) for path, file in inner.items()}
