"""A vendor's shared library, called by name: symbols come and go between driver versions, and calls fail.

Arguments are passed as they are, so each must be a ctypes value or an int that fits a C int; every function called
through here returns a C int (or an enum), of which 0 means success, but for those of `result` and `constant_text`.
"""

import ctypes
from collections.abc import Collection

from appliance.hardware.vendors.measurements import Notes
from appliance.hardware.world import VendorFailed


class CLibrary:
    """`quiet` are the statuses that mean only that this card has no such thing, or that we may not ask."""

    def __init__(self, library: ctypes.CDLL, *, name: str, notes: Notes, quiet: Collection[int] = ()) -> None:
        self._library = library
        self._name = name
        self._notes = notes
        self._quiet = frozenset(quiet)

    def has(self, symbol: str) -> bool:
        return hasattr(self._library, symbol)

    def ask(self, symbol: str, *arguments: object) -> bool:
        """Whether the call succeeded; a symbol that is not there, or a status that is not quiet, is noted."""
        status = self._call(symbol, *arguments)
        if status is None:
            self._notes.say(f"{self._name} has no {symbol}.")
        elif status != 0 and status not in self._quiet:
            self._notes.say(f"{self._name}: {symbol} answered {status}.")
        return status == 0

    def must(self, symbol: str, *arguments: object) -> None:
        """For calls without which nothing can be known. Raises VendorFailed."""
        status = self._call(symbol, *arguments)
        if status is None:
            raise VendorFailed(f"{self._name} has no {symbol}; it is another version, or another library.")
        if status != 0:
            raise VendorFailed(f"{symbol} answered {status}.")

    def ask_text(self, symbol: str, *before: object, size: int, with_size: bool = False) -> str | None:
        """For functions that fill a text: after `before` comes the buffer and, where `with_size`, its size."""
        buffer = ctypes.create_string_buffer(size)
        after = (ctypes.c_uint(size),) if with_size else ()
        return text_of(buffer.raw) if self.ask(symbol, *before, buffer, *after) else None

    def constant_text(self, symbol: str, *arguments: object) -> str | None:
        """For functions that return a C string of the library's own."""
        if not self.has(symbol):
            self._notes.say(f"{self._name} has no {symbol}.")
            return None
        function = self._library[symbol]
        function.restype = ctypes.c_char_p
        said: bytes | None = function(*arguments)
        return text_of(said) if said else None

    def result(self, symbol: str, *arguments: object) -> int | None:
        """For functions that return what was asked for, not a status; None, with a note, where there is none."""
        if not self.has(symbol):
            self._notes.say(f"{self._name} has no {symbol}.")
        return self._call(symbol, *arguments)

    def _call(self, symbol: str, *arguments: object) -> int | None:
        if not self.has(symbol):
            return None
        function = self._library[symbol]
        function.restype = ctypes.c_int
        return int(function(*arguments))


def text_of(raw: bytes) -> str | None:
    """What stands before the first NUL; None where that is nothing."""
    return raw.split(b"\0", 1)[0].decode(errors="replace").strip() or None
