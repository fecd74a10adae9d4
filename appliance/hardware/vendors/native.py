"""Calls into a vendor's C library by name, as NVML and its likes are shaped: a status is returned, answers are written.

A symbol that the library lacks is like a call that says "not supported": the caller gets None and goes on.
"""

import ctypes
from typing import TypeVar

from appliance.hardware.world import VendorFailed

Record = TypeVar("Record", bound=ctypes.Structure)
Names = str | tuple[str, ...]
Integer = type[ctypes.c_uint | ctypes.c_int | ctypes.c_uint64 | ctypes.c_int64 | ctypes.c_uint8]
SUCCESS = 0
MOST_CARDS = 128


class Native:
    """One loaded library. `names` are the newest symbol first: `("nvmlInit_v2", "nvmlInit")`."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library

    def call(self, names: Names, *arguments: object) -> int | None:
        """The status of the first of `names` that there is; None where there is none of them."""
        for name in (names,) if isinstance(names, str) else names:
            function = getattr(self._library, name, None)
            if function is not None:
                return int(function(*arguments))
        return None

    def must(self, names: Names, *arguments: object, words: dict[int, str]) -> None:
        """For what nothing goes without. Raises VendorFailed; `words` say what a status means."""
        status = self.call(names, *arguments)
        name = names if isinstance(names, str) else names[-1]
        if status is None:
            raise VendorFailed(f"The library has no {name}.")
        if status != SUCCESS:
            raise VendorFailed(f"{name} failed with {status}: {words.get(status, 'no word for it')}.")

    def count(self, names: Names, *, words: dict[int, str]) -> int:
        """How many cards there are. Raises VendorFailed, also for a number that no machine has."""
        value = ctypes.c_uint32()
        self.must(names, ctypes.byref(value), words=words)
        if value.value > MOST_CARDS:
            raise VendorFailed(f"The library says that there are {value.value} cards.")
        return value.value

    def integer(self, names: Names, *arguments: object, kind: Integer = ctypes.c_uint) -> int | None:
        """What the call writes to its last argument; None where it fails or is missing."""
        value = kind()
        return value.value if self.call(names, *arguments, ctypes.byref(value)) == SUCCESS else None

    def text(self, names: Names, *arguments: object, length: int = 96) -> str | None:
        """What the call writes to its last two arguments, a buffer and its length."""
        buffer = ctypes.create_string_buffer(length)
        if self.call(names, *arguments, buffer, ctypes.c_size_t(length)) != SUCCESS:
            return None
        return buffer.value.decode(errors="replace").strip() or None

    def record(self, names: Names, *arguments: object, into: Record) -> Record | None:
        return into if self.call(names, *arguments, ctypes.byref(into)) == SUCCESS else None
