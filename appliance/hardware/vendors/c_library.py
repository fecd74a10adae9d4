"""A vendor's shared library, called by name: symbols come and go between driver versions, and calls fail.

Every function called here returns a status in a C int or enum, of which 0 means success; those of `returned` and
`constant_text` return what was asked for. Arguments are passed as they are, so each must be a ctypes value or an int
that fits a C int. A figure whose call is missing or fails is unknown (None, False), never raised; only what nothing
goes without (`must`, `count`) raises VendorFailed.

What failed is remembered and can be told (`problems`) by the function's name, once for all cards. Vendors do so whose
libraries refuse little. NVML, librocm_smi64, HLML and Sysman refuse much on cards and drivers that are well; for those
the figure that is missing is told instead (`figures.Figures`, `tells_silence`), so that nothing is told twice.
"""

import ctypes
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import TypeVar

from appliance.hardware.inventory import Problem
from appliance.hardware.world import VendorFailed

Record = TypeVar("Record", bound=ctypes.Structure)
Names = str | tuple[str, ...]
"""One function's symbols, the newest first: `("nvmlInit_v2", "nvmlInit")`."""
Integer = type[ctypes.c_uint | ctypes.c_int | ctypes.c_uint64 | ctypes.c_int64 | ctypes.c_uint8]

SUCCESS = 0
TEXT_BYTES = 256
"""As much as any of the vendors' headers asks for."""
MOST_CARDS = 256
NO_WORDS: Mapping[int, str] = MappingProxyType({})
OLD_HINT = "The driver is older than the appliance knows it; update it for what these functions tell."
REFUSED_HINT = "What they tell is unknown. Run the vendor's own tool on this node, and restart or update its driver."


class CLibrary:
    """`quiet` are the statuses that mean only that this card has no such thing, or that we may not ask; `lost` that
    the card is gone. `words` say what a status means.
    """

    def __init__(
        self,
        library: ctypes.CDLL,
        *,
        name: str,
        quiet: Collection[int] = (),
        lost: Collection[int] = (),
        words: Mapping[int, str] = NO_WORDS,
    ) -> None:
        self._library = library
        self._name = name
        self._quiet = frozenset(quiet)
        self._lost = frozenset(lost)
        self._words = words
        self._missing: set[str] = set()
        self._refused: dict[str, int] = {}
        self.found_lost = False
        """A call has found its card gone since this was last set to False."""

    def has(self, names: Names) -> bool:
        return any(hasattr(self._library, name) for name in _each(names))

    def status(self, names: Names, *arguments: object) -> int | None:
        """The status of the first of `names` that there is; None where there is none of them. Nothing is noted."""
        for name in _each(names):
            if hasattr(self._library, name):
                function = self._library[name]
                function.restype = ctypes.c_int
                return int(function(*arguments))
        return None

    def did(self, names: Names, *arguments: object) -> bool:
        """Whether the call succeeded. What it lacks or refuses is noted, but for statuses that are `quiet`."""
        status = self.status(names, *arguments)
        name = _each(names)[-1]
        if status is None:
            self._missing.add(name)
        elif status in self._lost:
            self.found_lost = True
        elif status != SUCCESS and status not in self._quiet:
            self._refused[name] = status
        return status == SUCCESS

    def must(self, names: Names, *arguments: object) -> None:
        """For calls without which nothing can be known. Raises VendorFailed."""
        status = self.status(names, *arguments)
        if status == SUCCESS:
            return
        if status is None:
            raise VendorFailed(f"The library has no {_each(names)[-1]}; it is another version, or another library.")
        called = next(name for name in _each(names) if hasattr(self._library, name))
        words = f": {self._words[status]}" if status in self._words else ""
        raise VendorFailed(f"{called} answered {status}{words}.")

    def count(self, names: Names, *arguments: object) -> int:
        """How many cards there are, by reference as the last argument. Raises VendorFailed, also for a number that no
        machine has.
        """
        value = ctypes.c_uint()
        self.must(names, *arguments, ctypes.byref(value))
        if value.value > MOST_CARDS:
            raise VendorFailed(f"{_each(names)[-1]} counts {value.value} cards.")
        return value.value

    def number(self, names: Names, *arguments: object, kind: Integer = ctypes.c_uint) -> int | None:
        """What the call writes to its last argument."""
        value = kind()
        return value.value if self.did(names, *arguments, ctypes.byref(value)) else None

    def handle(self, names: Names, *arguments: object) -> ctypes.c_void_p | None:
        """A pointer to something opaque, by reference as the last argument."""
        value = ctypes.c_void_p()
        return value if self.did(names, *arguments, ctypes.byref(value)) and value else None

    def record(self, names: Names, *arguments: object, into: Record) -> Record | None:
        """A structure, by reference as the last argument."""
        return into if self.did(names, *arguments, ctypes.byref(into)) else None

    def text(self, names: Names, *arguments: object, size: int = TEXT_BYTES, with_size: bool = True) -> str | None:
        """A buffer as the last argument and, where `with_size`, its size after it: as size_t, which a callee that
        takes an unsigned int reads the same on x86-64 and arm64.
        """
        buffer = ctypes.create_string_buffer(size)
        after = (ctypes.c_size_t(size),) if with_size else ()
        return text_of(buffer.raw) if self.did(names, *arguments, buffer, *after) else None

    def constant_text(self, name: str, *arguments: object) -> str | None:
        """For functions that return a C string of the library's own."""
        if not self.has(name):
            self._missing.add(name)
            return None
        function = self._library[name]
        function.restype = ctypes.c_char_p
        said: bytes | None = function(*arguments)
        return text_of(said) if said else None

    def returned(self, name: str, *arguments: object) -> int | None:
        """For functions that return a number that was asked for, not a status; None where there is no such function."""
        value = self.status(name, *arguments)
        if value is None:
            self._missing.add(name)
        return value

    def problems(self, vendor: str) -> tuple[Problem, ...]:
        """What the library lacked, and what it refused, until now."""
        refused = ", ".join(f"{name} answered {status}" for name, status in sorted(self._refused.items()))
        said = (
            (f"{self._name} has no {', '.join(sorted(self._missing))}.", OLD_HINT if self._missing else None),
            (f"{self._name}: {refused}.", REFUSED_HINT if refused else None),
        )
        return tuple(Problem(vendor=vendor, message=message, hint=hint) for message, hint in said if hint)


def text_of(raw: bytes) -> str | None:
    """What is readable before the first NUL; None where that is nothing. A library's buffer may hold anything."""
    said = raw.split(b"\0", 1)[0].decode(errors="replace")
    return "".join(letter for letter in said if letter.isprintable()).strip() or None


def _each(names: Names) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else names
