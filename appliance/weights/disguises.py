"""Pickles and archives under another name.

A pickle is a program for a small machine (docs.python.org/3/library/pickletools.html): protocols 2 to 5 begin with
their number, 0 and 1 with any opcode. So the opcodes are read, never run: what reads as a whole program that calls
something is a pickle, whatever its name.
"""

import pickletools
import zipfile
from os import SEEK_END
from pathlib import Path
from typing import BinaryIO, cast

PICKLE_STARTS = tuple(bytes((0x80, protocol)) for protocol in range(2, 6))
ARCHIVE_STARTS = (
    *(b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b", b"\x93NUMPY", b"BZh", b"\xfd7zXZ\x00", b"7z\xbc\xaf\x27\x1c"),
    *(b"\x28\xb5\x2f\xfd", b"Rar!\x1a\x07", b"!<arch>\n", b"\x7fELF", b"MZ\x90\x00"),
)
CALLING_OPCODES = frozenset({"GLOBAL", "STACK_GLOBAL", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "REDUCE", "BUILD"})
MOST_OPCODES = 1_000_000
TAR_MARK, TAR_MARK_AT = b"ustar", 257


def disguise_of(path: Path) -> str | None:
    """What a file that should be text really is, or None."""
    with path.open("rb") as stream:
        head = stream.read(512)
        stream.seek(0)
        if head.startswith(PICKLE_STARTS) or is_pickle_program(stream):
            return "a pickle"
    if head.startswith(ARCHIVE_STARTS) or head[TAR_MARK_AT:].startswith(TAR_MARK) or zipfile.is_zipfile(path):
        return "an archive or a program"
    return None


class NoFurther:
    """Reads a stream whose opcodes may claim any length: not more is asked for, and so allocated, than it has."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.size = stream.seek(0, SEEK_END)
        stream.seek(0)

    def read(self, count: int) -> bytes:
        return self.stream.read(min(count, self.size))

    def readline(self) -> bytes:
        return self.stream.readline()

    def tell(self) -> int:
        return self.stream.tell()


def is_pickle_program(stream: BinaryIO) -> bool:
    """Whether the stream reads as opcodes that call something, up to STOP. Text ends this at its first letters.

    What goes on for longer than any text could by chance counts as one too, so that length hides nothing.
    """
    calls = False
    try:
        for count, (opcode, _, _) in enumerate(pickletools.genops(cast("BinaryIO", NoFurther(stream)))):
            calls = calls or opcode.name in CALLING_OPCODES
            if count > MOST_OPCODES:
                return calls
    except Exception:  # noqa: BLE001  whatever it stumbles over (ValueError, UnicodeError, ...): no unpickler goes on
        return False
    return calls
