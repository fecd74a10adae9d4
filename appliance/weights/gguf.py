"""The header of a GGUF file, read within bounds before any engine sees it.

Layout and type numbers: ggml's docs/gguf.md and include/gguf.h (header, key-values, tensor infos, aligned data);
block sizes: the `ggml_type` traits of ggml.c as gguf-py's `GGML_QUANT_SIZES` lists them. Nothing is allocated by a
count or a length that the file claims: each is first held against what is left of the file.
"""

import os
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

MAGIC = b"GGUF"
VERSIONS = (2, 3)
ALIGNMENT_KEY = "general.alignment"
TEMPLATE_KEY = "tokenizer.chat_template"
DEFAULT_ALIGNMENT = 32
MOST_HEADER_BYTES = 512 * 1024 * 1024
MOST_KEYS = 65_536
MOST_TENSORS = 1_000_000
MOST_DIMENSIONS = 4
LONGEST_NAME_BYTES = 65_535
LONGEST_TEMPLATE_BYTES = 1024 * 1024
DEEPEST_ARRAY = 4

STRING, ARRAY, UINT32 = 8, 9, 4
SCALAR_BYTES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
"""Of the value types uint8, int8, uint16, int16, uint32, int32, float32, bool, uint64, int64, float64."""

BLOCKS = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 9: (32, 40),
    10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 15: (256, 292),
    16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18), 21: (256, 110), 22: (256, 82),
    23: (256, 136), 24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8), 29: (256, 56), 30: (1, 2),
    34: (256, 54), 35: (256, 66), 39: (32, 17),
}  # fmt: skip
"""Elements and bytes of one block of each `ggml_type`."""


class WrongGguf(Exception):
    """Says what in the header cannot be."""


@dataclass(frozen=True)
class Tensor:
    name: str
    shape: tuple[int, ...]
    kind: int
    offset: int

    @property
    def n_bytes(self) -> int:
        elements = 1
        for length in self.shape:
            elements *= length
        per_block, block_bytes = BLOCKS[self.kind]
        first = self.shape[0] if self.shape else 1
        if first % per_block:
            raise WrongGguf(f"tensor {self.name[:80]!r} has rows of {first}, which is no multiple of {per_block}")
        return elements // per_block * block_bytes


@dataclass
class Header:
    """What we look at: the tensors, the alignment and the chat template. Other values are stepped over."""

    version: int
    alignment: int = DEFAULT_ALIGNMENT
    template: str | None = None
    tensors: list[Tensor] = field(default_factory=list[Tensor])
    data_start: int = 0


def read_gguf(path: Path) -> Header:
    """Raises WrongGguf where the header is not whole, or points outside of the file."""
    with path.open("rb") as stream:
        return Reader(stream, size_bytes=os.fstat(stream.fileno()).st_size).header()


class Reader:
    def __init__(self, stream: BinaryIO, *, size_bytes: int) -> None:
        self.stream = stream
        self.size_bytes = size_bytes
        self.position = 0

    def header(self) -> Header:
        if self.take(4) != MAGIC:
            raise WrongGguf("it does not begin with GGUF")
        version = self.number("<I")
        if version not in VERSIONS:
            raise WrongGguf(f"it has version {version}; versions 2 and 3, little-endian, are known")
        n_tensors, n_keys = self.number("<Q"), self.number("<Q")
        self.expect_room(n_tensors, at_least=24, most=MOST_TENSORS, what="tensors")
        self.expect_room(n_keys, at_least=13, most=MOST_KEYS, what="keys")
        header = Header(version)
        for _ in range(n_keys):
            self.read_key(header)
        if header.alignment <= 0 or header.alignment % 8:
            raise WrongGguf(f"its alignment is {header.alignment}, which is no multiple of 8")
        header.tensors = [self.tensor() for _ in range(n_tensors)]
        header.data_start = -(-self.position // header.alignment) * header.alignment
        self.check_tensors(header)
        return header

    def read_key(self, header: Header) -> None:
        key = self.text(LONGEST_NAME_BYTES)
        kind = self.number("<I")
        if key == ALIGNMENT_KEY and kind == UINT32:
            header.alignment = self.number("<I")
        elif key == TEMPLATE_KEY and kind == STRING:
            header.template = self.text(LONGEST_TEMPLATE_BYTES)
        else:
            self.skip_value(kind, depth=0)

    def skip_value(self, kind: int, *, depth: int) -> None:
        if kind in SCALAR_BYTES:
            self.skip(SCALAR_BYTES[kind])
        elif kind == STRING:
            self.skip(self.number("<Q"))
        elif kind == ARRAY and depth < DEEPEST_ARRAY:
            self.skip_array(depth)
        else:
            raise WrongGguf(f"it has a value of type {kind}")

    def skip_array(self, depth: int) -> None:
        kind, count = self.number("<I"), self.number("<Q")
        if kind in SCALAR_BYTES:
            self.skip(count * SCALAR_BYTES[kind])
            return
        self.expect_room(count, at_least=8, most=MOST_HEADER_BYTES, what="array elements")
        for _ in range(count):
            self.skip_value(kind, depth=depth + 1)

    def tensor(self) -> Tensor:
        name = self.text(LONGEST_NAME_BYTES)
        n_dimensions = self.number("<I")
        if n_dimensions > MOST_DIMENSIONS:
            raise WrongGguf(f"tensor {name[:80]!r} has {n_dimensions} dimensions")
        shape = tuple(self.number("<Q") for _ in range(n_dimensions))
        kind, offset = self.number("<I"), self.number("<Q")
        if kind not in BLOCKS:
            raise WrongGguf(f"tensor {name[:80]!r} has the unknown type {kind}")
        return Tensor(name, shape, kind, offset)

    def check_tensors(self, header: Header) -> None:
        """Every tensor lies in the file, aligned, and none upon another."""
        end = 0
        names: set[str] = set()
        for tensor in sorted(header.tensors, key=lambda each: each.offset):
            if tensor.name in names:
                raise WrongGguf(f"two tensors are called {tensor.name[:80]!r}")
            names.add(tensor.name)
            if tensor.offset % header.alignment or tensor.offset < end:
                raise WrongGguf(f"tensor {tensor.name[:80]!r} lies upon another or is not aligned")
            end = tensor.offset + tensor.n_bytes
            if header.data_start + end > self.size_bytes:
                raise WrongGguf(f"tensor {tensor.name[:80]!r} ends behind the file's end")

    def expect_room(self, count: int, *, at_least: int, most: int, what: str) -> None:
        if count > most or count * at_least > self.size_bytes - self.position:
            raise WrongGguf(f"it claims {count} {what}, for which it has no room")

    def number(self, form: str) -> int:
        return int(struct.unpack(form, self.take(struct.calcsize(form)))[0])

    def text(self, most_bytes: int) -> str:
        length = self.number("<Q")
        if length > most_bytes:
            raise WrongGguf(f"it has a text of {length} bytes where {most_bytes} are allowed")
        try:
            return self.take(length).decode()
        except UnicodeDecodeError as error:
            raise WrongGguf("it has a text that is not UTF-8") from error

    def take(self, n_bytes: int) -> bytes:
        self.move(n_bytes)
        found = self.stream.read(n_bytes)
        if len(found) != n_bytes:
            raise WrongGguf("it became shorter while it was read")
        return found

    def skip(self, n_bytes: int) -> None:
        self.move(n_bytes)
        self.stream.seek(self.position)

    def move(self, n_bytes: int) -> None:
        if n_bytes > self.size_bytes - self.position or self.position + n_bytes > MOST_HEADER_BYTES:
            raise WrongGguf("its header ends behind the file's end, or is larger than any model's")
        self.position += n_bytes
