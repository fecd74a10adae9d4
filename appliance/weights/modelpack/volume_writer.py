"""Writing volumes. A piece is hashed before the first volume is written, as the index of all stands on each."""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from appliance.base.errors import BadRequest, SetupError
from appliance.base.files import fsync_folder, write_atomically
from appliance.weights.blobs import storage_error
from appliance.weights.copying import CHUNK_BYTES, write_all
from appliance.weights.modelpack.artifact import canonical
from appliance.weights.modelpack.documents import parse
from appliance.weights.modelpack.exporting import Package, require_room
from appliance.weights.modelpack.layout_files import open_plain
from appliance.weights.modelpack.signing import Keyring
from appliance.weights.modelpack.volumes import (
    CONFIG_FILE,
    INDEX_FILE,
    INDEX_SIGNATURE_FILE,
    LABEL_FILE,
    LARGEST_PART,
    MANIFEST_FILE,
    PARTS,
    SIGNATURE_FILE,
    Label,
    Part,
    Piece,
    VolumeIndex,
    folder_name,
    lay_out,
    set_id,
    volume_digest,
)
from appliance.weights.modelpack.watch import UNWATCHED, Boundary, Watch
from appliance.weights.store import Meter, WeightStore

KNOWN_PIECES = "leaving.jsonl"
MODE = 0o644


@dataclass(frozen=True)
class WrittenVolume:
    """`digest` is that of `volumes.volume_digest`, `bytes` without the documents."""

    number: int
    path: str
    digest: str
    bytes: int


@dataclass(frozen=True)
class VolumeSet:
    set: str
    manifest_digest: str
    volumes: int
    written: tuple[WrittenVolume, ...]
    bytes: int
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class Shape:
    """`only` writes one volume of the set, for a machine with one slot; the set is the same in every run."""

    volume_bytes: int
    only: int | None = None
    largest_part: int = LARGEST_PART


def export_volumes(
    store: WeightStore, package: Package, *, target: Path, shape: Shape, keyring: Keyring, watch: Watch = UNWATCHED
) -> VolumeSet:
    """`target/volume-001` and so on. Run again after a break, it goes on behind the last part that was written."""
    pieces = lay_out(package.carried, volume_bytes=shape.volume_bytes, largest_part=shape.largest_part)
    count = max((piece.volume for piece in pieces), default=1)
    if shape.only is not None and not 1 <= shape.only <= count:
        raise BadRequest(f"The set has {count} volumes; there is no volume {shape.only}.", param="volume")
    target.mkdir(parents=True, exist_ok=True)
    chosen = [number for number in range(1, count + 1) if shape.only in (None, number)]
    parts = with_digests(store, pieces, watch=watch)
    index = canonical(
        VolumeIndex(
            manifest=package.model.digest, volumes=count, parts=parts, left_out=package.left_out
        ).model_dump(mode="json")
    )  # fmt: skip
    writer = VolumeWriter(store, target=target, documents=documents(package, index, keyring=keyring), watch=watch)
    writer.write(parts, numbers=chosen, set_name=set_id(index))
    written = tuple(written_volume(target, parts, number=number) for number in chosen)
    return VolumeSet(set_id(index), package.model.digest, count, written, package.total_bytes, package.left_out)


def written_volume(target: Path, parts: Sequence[Part], *, number: int) -> WrittenVolume:
    mine = {part.sha256: part for part in parts if part.volume == number}
    size = sum(part.bytes for part in mine.values())
    return WrittenVolume(number, str(target / folder_name(number)), volume_digest(mine.values()), size)


def documents(package: Package, index: bytes, *, keyring: Keyring) -> dict[str, bytes]:
    """The index comes last: a volume without it is not finished."""
    manifest = package.model.manifest
    return {
        MANIFEST_FILE: manifest,
        SIGNATURE_FILE: canonical(keyring.sign(manifest).model_dump(mode="json")),
        CONFIG_FILE: next(iter(package.model.documents.values())),
        INDEX_SIGNATURE_FILE: canonical(keyring.sign(index).model_dump(mode="json")),
        INDEX_FILE: index,
    }


class VolumeWriter:
    def __init__(self, store: WeightStore, *, target: Path, documents: dict[str, bytes], watch: Watch) -> None:
        self.store = store
        self.target = target
        self.documents = documents
        self.watch = watch

    def write(self, parts: Sequence[Part], *, numbers: Sequence[int], set_name: str) -> None:
        mine = [part for part in parts if part.volume in numbers]
        wanting = [part for part in mine if not self.has(part)]
        require_room(self.target, need_bytes=sum(part.bytes for part in wanting))
        meter = Meter(sum(part.bytes for part in mine), self.watch.progress)
        for number in numbers:
            self.open(number, set_name=set_name)
            for part in (each for each in mine if each.volume == number):
                meter.file = f"{folder_name(number)}/{part.sha256[:12]}"
                if self.has(part):
                    meter.advance(part.bytes)
                else:
                    self.copy(part, advance=meter.advance)
            self.close(number)

    def place(self, part: Part) -> Path:
        return self.target / folder_name(part.volume) / PARTS / part.sha256

    def has(self, part: Part) -> bool:
        path = self.place(part)
        return path.is_file() and path.stat().st_size == part.bytes

    def open(self, number: int, *, set_name: str) -> None:
        """Refuse to mix two sets in one folder; take away what a broken-off run left."""
        folder = self.target / folder_name(number)
        (folder / PARTS).mkdir(parents=True, exist_ok=True)
        label = folder / LABEL_FILE
        if label.exists() and parse(Label, label.read_bytes()[:4096], name=str(label)).set != set_name:
            raise BadRequest(f"{folder} holds a volume of another set.", hint="Empty it first.", param="output")
        write_atomically(label, canonical({"set": set_name, "volume": number}), mode=MODE)
        for stray in (folder / PARTS).glob("*.partial"):
            stray.unlink()

    def close(self, number: int) -> None:
        for name, content in self.documents.items():
            write_atomically(self.target / folder_name(number) / name, content, mode=MODE)
        self.watch.reached(Boundary.VOLUME_CLOSED)

    def copy(self, part: Part, *, advance: Callable[[int], None]) -> None:
        """Hashed as it is written: a blob that has gone bad since is named before anybody carries it away."""
        place = self.place(part)
        partial = place.with_name(f"{place.name}.partial")
        digest = hashlib.sha256()
        try:
            with partial.open("wb", buffering=0) as stream:
                for chunk in chunks(self.store.blobs.path(part.blob), offset=part.offset, size=part.bytes):
                    write_all(stream.fileno(), chunk)
                    digest.update(chunk)
                    advance(len(chunk))
                os.fsync(stream.fileno())
        except OSError as error:
            raise storage_error(error, partial) from error
        self.watch.reached(Boundary.PART_WRITTEN)
        if digest.hexdigest() != part.sha256:
            partial.unlink()
            raise SetupError(
                f"The weight store's file {part.blob[:12]} is damaged.", hint="Verify the version and repair it."
            )
        partial.replace(place)
        fsync_folder(place.parent)
        self.watch.reached(Boundary.PART_PLACED)


def with_digests(store: WeightStore, pieces: Sequence[Piece], *, watch: Watch) -> tuple[Part, ...]:
    """A whole blob's digest is known; of pieces, those that no earlier run has hashed are read once."""
    journal = store.root / KNOWN_PIECES
    known = known_pieces(journal)
    meter = Meter(sum(piece.bytes for piece in pieces if not piece.whole), watch.progress)
    parts: list[Part] = []
    for piece in pieces:
        digest = piece.blob if piece.whole else known.get(name_of(piece))
        if digest is None:
            meter.file = piece.path
            digest = hash_piece(store.blobs.path(piece.blob), piece, advance=meter.advance)
            note(journal, piece, digest)
            watch.reached(Boundary.PIECE_HASHED)
        parts.append(Part(volume=piece.volume, blob=piece.blob, offset=piece.offset, bytes=piece.bytes, sha256=digest))
    return tuple(parts)


def hash_piece(blob: Path, piece: Piece, *, advance: Callable[[int], None]) -> str:
    digest = hashlib.sha256()
    for chunk in chunks(blob, offset=piece.offset, size=piece.bytes):
        digest.update(chunk)
        advance(len(chunk))
    return digest.hexdigest()


def chunks(path: Path, *, offset: int, size: int) -> Iterator[bytes]:
    with open_plain(path) as stream:
        stream.seek(offset)
        while size > 0 and (chunk := stream.read(min(CHUNK_BYTES, size))):
            size -= len(chunk)
            yield chunk


def name_of(piece: Piece) -> str:
    return f"{piece.blob}:{piece.offset}:{piece.bytes}"


def note(journal: Path, piece: Piece, digest: str) -> None:
    with journal.open("a") as stream:
        stream.write(json.dumps({"piece": name_of(piece), "sha256": digest}) + "\n")
        stream.flush()
        os.fsync(stream.fileno())


def known_pieces(journal: Path) -> dict[str, str]:
    """Digests of pieces never change, as blobs never do. A torn last line is passed over."""
    known: dict[str, str] = {}
    for line in journal.read_text().splitlines() if journal.exists() else ():
        try:
            entry = json.loads(line)
            known[str(entry["piece"])] = str(entry["sha256"])
        except (ValueError, KeyError, TypeError):
            continue
    return known
