"""The form of one sealed file: a clear header block, then chunks of AES-256-GCM over the whole safetensors file.

    offset 0   magic, 8 bytes
           8   length of the header block, 4 bytes, little-endian
          12   header block: canonical JSON (`ShardHeader`)
           …   chunk 0 | tag (16 bytes) | chunk 1 | tag | … | last chunk, the only one that may be shorter | tag

The chunks follow the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár, "Online Authenticated-Encryption and
its Nonce-Reuse Misuse-Resistance", CRYPTO 2015): the nonce is the chunk's number, and what is authenticated beside the
chunk says which chunk of which shard of which artifact it is and whether it is the last, so that chunks cannot be
reordered, dropped or taken from another file. The header block is authenticated by its digest with every chunk.
"""

import hashlib
import json
import re
import struct
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

from appliance.base.errors import BadRequest, NewerFormat

MAGIC = b"TS-SEAL\n"
FORMAT = 1
ALGORITHM = "AES-256-GCM"
SUFFIX = ".sealed"
TAG_BYTES = 16
CHUNK_BYTES = 4 * 1024 * 1024
CHUNK_STEP = 4096
LARGEST_CHUNK_BYTES = 16 * 1024 * 1024
LARGEST_HEADER_BYTES = 16 * 1024
LARGEST_NAME = 256
MOST_SHARDS = 100_000
MOST_BYTES = 1 << 48
SMALLEST_PLAIN_BYTES = 10
"""A safetensors file has a length of 8 bytes and a header of at least 2 (github.com/huggingface/safetensors)."""
LENGTH = struct.Struct("<I")
BOUND = struct.Struct(">8s16sIIQB32s")
HEX_16_BYTES = re.compile(r"[0-9a-f]{32}")

Json = dict[str, object]


def damaged(what: str, reason: str) -> BadRequest:
    """Of everything that is not as it was sealed; whether by accident or on purpose cannot be told apart."""
    return BadRequest(
        f"{what}: {reason}",
        hint="Fetch this file again; if it stays so, ask the vendor.",
        param="source",
        code="sealed_weights_damaged",
    )


@dataclass(frozen=True)
class ShardHeader:
    """What stands in clear before the chunks. `shard` counts from 0; `plain_bytes` is the safetensors file's size."""

    model_id: str
    artifact_id: str
    key_id: str
    shard: int
    shards: int
    chunk_bytes: int
    plain_bytes: int
    algorithm: str = ALGORITHM
    format: int = FORMAT

    @property
    def chunks(self) -> int:
        return -(-self.plain_bytes // self.chunk_bytes)

    def block(self) -> bytes:
        return canonical(asdict(self))

    def chunk_size(self, chunk: int) -> int:
        """Plain bytes of chunk `chunk`."""
        return min(self.chunk_bytes, self.plain_bytes - chunk * self.chunk_bytes)


def canonical(document: Json) -> bytes:
    """One byte sequence per document: keys sorted, no spaces, UTF-8."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def preamble(block: bytes) -> bytes:
    """What stands before the first chunk."""
    return MAGIC + LENGTH.pack(len(block)) + block


def sealed_bytes(header: ShardHeader) -> int:
    """The size that a sealed file with this header has, to the byte."""
    return len(preamble(header.block())) + header.plain_bytes + header.chunks * TAG_BYTES


def nonce(chunk: int) -> bytes:
    """96 bits. A key belongs to one shard of one artifact, so that a counter never repeats under it."""
    return chunk.to_bytes(12, "big")


def bound(header: ShardHeader, *, block_digest: bytes, chunk: int) -> bytes:
    """What is authenticated beside a chunk."""
    last = chunk == header.chunks - 1
    artifact = bytes.fromhex(header.artifact_id)
    return BOUND.pack(MAGIC, artifact, header.shard, header.shards, chunk, last, block_digest)


def block_digest(header: ShardHeader) -> bytes:
    return hashlib.sha256(header.block()).digest()


def read_header(path: Path) -> ShardHeader:
    """The header of a sealed file, checked against the file's size before anything of that size is allocated.

    Without a key this is all that can be said of it. Raises BadRequest for what is damaged, NewerFormat for a format
    that this version does not know.
    """
    with path.open("rb") as stream:
        start = stream.read(len(MAGIC) + LENGTH.size + LARGEST_HEADER_BYTES)
    header = parse_header(start, what=path.name)
    if path.stat().st_size != sealed_bytes(header):
        raise damaged(path.name, f"it has {path.stat().st_size} bytes, its header says {sealed_bytes(header)}.")
    return header


def parse_header(start: bytes, *, what: str) -> ShardHeader:
    if len(start) < len(MAGIC) + LENGTH.size or not start.startswith(MAGIC):
        raise damaged(what, "it is no sealed file.")
    (length,) = LENGTH.unpack_from(start, len(MAGIC))
    block = start[len(MAGIC) + LENGTH.size :][:length]
    if length > LARGEST_HEADER_BYTES or len(block) < length:
        raise damaged(what, f"its header block is said to have {length} bytes.")
    header = header_of(parse_object(block, what=what), what=what)
    if header.block() != block:
        raise damaged(what, "its header block is not in canonical form.")
    return header


def parse_object(text: bytes, *, what: str) -> Json:
    """A JSON object, or BadRequest."""
    try:
        document: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise damaged(what, "it is not JSON where it must be.") from error
    if not isinstance(document, dict):
        raise damaged(what, "it is not a JSON object where it must be one.")
    return cast(Json, document)


def header_of(document: Json, *, what: str) -> ShardHeader:
    refuse_newer(document, what=what)
    if set(document) != set(ShardHeader.__dataclass_fields__):
        raise damaged(what, "its header has other fields than a sealed file's.")
    header = ShardHeader(
        model_id=name_in(document, "model_id", what=what),
        artifact_id=identifier_in(document, "artifact_id", what=what),
        key_id=identifier_in(document, "key_id", what=what),
        shards=number_in(document, "shards", 1, MOST_SHARDS, what=what),
        shard=number_in(document, "shard", 0, MOST_SHARDS - 1, what=what),
        chunk_bytes=number_in(document, "chunk_bytes", CHUNK_STEP, LARGEST_CHUNK_BYTES, what=what),
        plain_bytes=number_in(document, "plain_bytes", SMALLEST_PLAIN_BYTES, MOST_BYTES, what=what),
    )
    if header.chunk_bytes % CHUNK_STEP or header.shard >= header.shards or document["algorithm"] != ALGORITHM:
        raise damaged(what, "its header contradicts itself.")
    return header


def refuse_newer(document: Json, *, what: str) -> None:
    if number_in(document, "format", 1, 1 << 30, what=what) > FORMAT:
        raise NewerFormat(f"{what} has format {document['format']}.", hint="Use a newer version of the appliance.")


def number_in(document: Json, key: str, least: int, most: int, *, what: str) -> int:
    value = document.get(key)
    if type(value) is not int or not least <= value <= most:
        raise damaged(what, f"its `{key}` is not a number from {least} to {most}.")
    return value


def name_in(document: Json, key: str, *, what: str) -> str:
    value = document.get(key)
    if not isinstance(value, str) or not 0 < len(value) <= LARGEST_NAME or not value.isprintable():
        raise damaged(what, f"its `{key}` is not a name.")
    return value


def identifier_in(document: Json, key: str, *, what: str) -> str:
    """16 bytes in hexadecimal."""
    value = document.get(key)
    if not isinstance(value, str) or not HEX_16_BYTES.fullmatch(value):
        raise damaged(what, f"its `{key}` is not 16 bytes in hexadecimal.")
    return value
