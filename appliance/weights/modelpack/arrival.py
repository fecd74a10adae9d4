"""An import under way: `weights/arriving/<manifest digest>/` keeps verified blobs and the part of the next.

Bytes of strangers stay here until the whole model has passed the safety checks; a killed import goes on from here.
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Protocol

from appliance.base.errors import BadRequest
from appliance.base.files import fsync_folder
from appliance.weights.blobs import storage_error
from appliance.weights.copying import CHUNK_BYTES, Advance, write_all
from appliance.weights.modelpack.paths import Layer
from appliance.weights.modelpack.sources import Absent, Source
from appliance.weights.modelpack.watch import Boundary, Watch
from appliance.weights.store import Meter, WeightStore


class RunningDigest(Protocol):
    def update(self, content: bytes, /) -> None: ...

    def hexdigest(self) -> str: ...


class Differs(BadRequest):
    """What came is not what the manifest names."""


class Arrival:
    def __init__(self, store: WeightStore, manifest_digest: str) -> None:
        self.store = store
        self.root = store.arriving / manifest_digest

    def blob(self, digest: str) -> Path:
        return self.root / digest

    def part(self, digest: str) -> Path:
        return self.root / f"{digest}.part"

    @property
    def tree(self) -> Path:
        return self.root / "tree"

    @contextmanager
    def exclusively(self) -> Generator[None]:
        """A second import of the same artifact waits for the first. The lock's file may go while one waits for it."""
        lock = self.root.with_name(f"{self.root.name}.lock")
        lock.parent.mkdir(parents=True, exist_ok=True)
        while True:
            with lock.open("w") as stream:
                fcntl.flock(stream, fcntl.LOCK_EX)
                if not lock.exists() or lock.stat().st_ino != os.fstat(stream.fileno()).st_ino:
                    continue
                self.root.mkdir(exist_ok=True)
                try:
                    yield
                finally:
                    if not self.root.exists():
                        lock.unlink(missing_ok=True)
                return

    def missing_bytes(self, layers: Sequence[Layer]) -> int:
        return sum(layer.bytes - size_of(self.part(layer.digest)) for layer in layers if not self.has(layer))

    def has(self, layer: Layer) -> bool:
        return self.blob(layer.digest).is_file()

    def borrow(self, layer: Layer) -> bool:
        """Hold the store's own blob, if there is one, so that no clean-up takes it away meanwhile."""
        if not self.has(layer) and self.store.blobs.has(layer.digest, size_bytes=layer.bytes):
            with suppress(FileNotFoundError):  # a clean-up was faster: then it is fetched
                os.link(self.store.blobs.path(layer.digest), self.blob(layer.digest))
        return self.has(layer)

    def fetch(self, layer: Layer, source: Source, *, meter: Meter, watch: Watch) -> None:
        """Bring one blob here, going on where a broken-off run ended. What is there is hashed again, as the power may
        have gone; if it does not fit in the end, the blob is fetched once more from its start.
        """
        resumed = self.write(layer, source, meter=meter, watch=watch)
        if resumed and not self.fits(layer):
            meter.advance(-layer.bytes)
            self.part(layer.digest).unlink()
            self.write(layer, source, meter=meter, watch=watch)
        if not self.fits(layer):
            self.part(layer.digest).unlink()
            raise Differs(
                f"{layer.path} in {source.name} is damaged or was swapped: its digest is not {layer.digest[:12]}….",
                hint="Copy or fetch this file again.",
                param="source",
                code="digest_mismatch",
                path=layer.path,
            )
        self.part(layer.digest).replace(self.blob(layer.digest))
        fsync_folder(self.root)
        watch.reached(Boundary.BLOB_ARRIVED)

    def fits(self, layer: Layer) -> bool:
        return self.found == layer.digest

    def write(self, layer: Layer, source: Source, *, meter: Meter, watch: Watch) -> bool:
        """Fill the part up and leave its digest in `found`; whether it began in the middle."""
        part = self.part(layer.digest)
        with part.open("ab") as stream:
            start = source.start_of(layer, offset=min(size_of(part), layer.bytes))
            stream.truncate(start)
            digest = hash_start(part, advance=meter.advance)
            try:
                received = self.append(layer, source, stream=stream, digest=digest, meter=meter, watch=watch)
            except Absent as absent:
                stream.truncate(absent.good_bytes)
                raise
            os.fsync(stream.fileno())
        watch.reached(Boundary.BLOB_SYNCED)
        if received != layer.bytes:
            raise BadRequest(
                f"{layer.path} ends after {received} of {layer.bytes} bytes in {source.name}.",
                hint="Copy or fetch this file again; what arrived is kept.",
                param="source",
                code="truncated",
                path=layer.path,
            )
        self.found = digest.hexdigest()
        return start > 0

    def append(
        self, layer: Layer, source: Source, *, stream: BinaryIO, digest: RunningDigest, meter: Meter, watch: Watch
    ) -> int:
        """Returns the part's length. Never writes more than the manifest said."""
        length = stream.seek(0, os.SEEK_END)
        for chunk in source.read(layer, offset=length) if length < layer.bytes else ():
            length += len(chunk)
            if length > layer.bytes:
                stream.truncate(0)
                raise Differs(f"{layer.path} is longer than its manifest says.", param="source", path=layer.path)
            self.put(stream, chunk)
            digest.update(chunk)
            watch.reached(Boundary.CHUNK_WRITTEN)
            meter.advance(len(chunk))
        return length

    def put(self, stream: BinaryIO, chunk: bytes) -> None:
        try:
            write_all(stream.fileno(), chunk)
        except OSError as error:
            raise storage_error(error, self.root) from error

    def plant(self, layers: Sequence[Layer]) -> Path:
        """The model as a folder of hard links, for the safety checks."""
        shutil.rmtree(self.tree, ignore_errors=True)
        for layer in layers:
            place = self.tree / layer.path
            place.parent.mkdir(parents=True, exist_ok=True)
            os.link(self.blob(layer.digest), place)
        return self.tree

    def discard(self) -> None:
        shutil.rmtree(self.root)


def size_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def hash_start(path: Path, *, advance: Advance) -> RunningDigest:
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as stream:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
            advance(len(chunk))
    return digest
