"""How a model is laid out over volumes: which bytes of which blob lie where. Pure, but for the parsing of an index.

Every volume carries the whole small index, signed, so that any one of them can name what is wanting.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from appliance.base.errors import BadRequest
from appliance.weights.manifest import StoredFile
from appliance.weights.modelpack.artifact import sha256
from appliance.weights.modelpack.documents import LARGEST_BLOB_BYTES, Document, parse, refused
from appliance.weights.modelpack.paths import Layer

INDEX_FILE = "INDEX.json"
INDEX_SIGNATURE_FILE = "INDEX.signature.json"
LABEL_FILE = "VOLUME.json"
MANIFEST_FILE = "manifest.json"
SIGNATURE_FILE = "manifest.signature.json"
CONFIG_FILE = "config.json"
PARTS = "parts"

LARGEST_PART = 4 * 1024**3 - 4 * 1024**2
"""FAT32 holds files of up to 2^32 - 1 bytes (Microsoft's FAT specification); ours end on a whole chunk before that."""
FILLED = 0.95
"""Of the size that is said: formatting takes some of what the label promises. Chosen, not measured."""
SMALLEST_PIECE = 1 / 64
"""Of a volume: what is left at its end is not worth a piece of its own below that."""
DOCUMENT_BYTES = 16 * 1024
PER_FILE_BYTES = 1024
"""What the documents on every volume take: a fixed part, and per file its rows in manifest and index."""
MOST_VOLUMES = 9_999
MOST_PARTS = 100_000
INDEX_LIMIT = 32 * 1024 * 1024

Hex = Annotated[str, Field(pattern=r"^[0-9a-f]{64}\z", max_length=64)]


class Part(Document):
    """`bytes` of a blob from `offset`, in volume number `volume` (from 1)."""

    volume: Annotated[int, Field(ge=1, le=MOST_VOLUMES)]
    blob: Hex
    offset: Annotated[int, Field(ge=0, le=LARGEST_BLOB_BYTES)]
    bytes: Annotated[int, Field(ge=0, le=LARGEST_PART)]
    sha256: Hex


class VolumeIndex(Document):
    """`left_out` are blobs that the other box is said to have."""

    kind: Literal["thousand-sails.volumes"] = "thousand-sails.volumes"
    format: Literal[1] = 1
    manifest: Hex
    volumes: Annotated[int, Field(ge=1, le=MOST_VOLUMES)]
    parts: tuple[Part, ...] = Field(max_length=MOST_PARTS)
    left_out: tuple[Hex, ...] = Field(default=(), max_length=MOST_PARTS)


class Label(Document):
    """Which volume a folder is. Unsigned: it only makes messages clearer."""

    set: Hex
    volume: Annotated[int, Field(ge=1, le=MOST_VOLUMES)]


@dataclass(frozen=True)
class Piece:
    """A part before its digest is known."""

    volume: int
    blob: str
    path: str
    offset: int
    bytes: int
    whole: bool


def lay_out(files: Iterable[StoredFile], *, volume_bytes: int, largest_part: int = LARGEST_PART) -> tuple[Piece, ...]:
    """Blobs in their order, one after the other, so that volumes are read in theirs. Raises BadRequest if too small."""
    chosen = list(files)
    room = int(volume_bytes * FILLED) - DOCUMENT_BYTES - PER_FILE_BYTES * len(chosen)
    if room < DOCUMENT_BYTES:
        raise BadRequest(f"A volume of {volume_bytes} bytes is too small for this model.", param="volume_size")
    pieces: list[Piece] = []
    volume, left = 1, room
    for file in chosen:
        offset = 0
        while offset < file.bytes or (file.bytes == 0 and offset == 0):
            wanted = file.bytes - offset
            if wanted > left and left < room * SMALLEST_PIECE:
                volume, left = volume + 1, room
            size = min(wanted, left, largest_part)
            pieces.append(Piece(volume, file.sha256, file.path, offset, size, whole=size == file.bytes))
            left -= size
            offset += max(size, 1)
    if volume > MOST_VOLUMES or len(pieces) > MOST_PARTS:
        raise BadRequest("These would be too many volumes.", hint="Take larger ones.", param="volume_size")
    return tuple(pieces)


def read_index(content: bytes, *, name: str) -> VolumeIndex:
    """Raises BadRequest where pieces overlap or leave gaps, or lie in volumes that are not in the set."""
    index = parse(VolumeIndex, content, name=name, limit=INDEX_LIMIT)
    ends: dict[str, int] = {}
    for part in index.parts:
        if part.offset != ends.get(part.blob, 0) or part.volume > index.volumes:
            raise refused(f"{name} is inconsistent: the pieces of {part.blob[:12]} do not join.")
        ends[part.blob] = part.offset + part.bytes
    return index


def parts_of(index: VolumeIndex, layer: Layer) -> tuple[Part, ...]:
    """The pieces of a blob in their order. Raises BadRequest where they are not the whole of it."""
    parts = tuple(part for part in index.parts if part.blob == layer.digest)
    if parts and sum(part.bytes for part in parts) != layer.bytes:
        raise refused(f"The volumes' index and the manifest differ in the size of {layer.path}.")
    return parts


def volume_digest(parts: Iterable[Part]) -> str:
    """SHA-256 over the names of a volume's parts, sorted, one a line: `LC_ALL=C ls volume-001/parts | sha256sum`. Each
    name is the SHA-256 of its part.
    """
    return sha256("".join(f"{name}\n" for name in sorted({part.sha256 for part in parts})).encode())


def set_id(index: bytes) -> str:
    return sha256(index)


def folder_name(volume: int) -> str:
    return f"volume-{volume:03d}"
