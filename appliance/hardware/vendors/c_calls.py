"""Calls into a vendor's C library whose functions return a code: what it lacks or refuses is unknown, never raised."""

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass, field

from appliance.hardware.vendors.figures import Checker
from appliance.hardware.world import VendorFailed

SUCCESS = 0
TEXT_BYTES = 256
"""More than any of the vendors' headers asks for."""

OLD_HINT = "The driver is older than the appliance knows it; update it for these figures."


@dataclass
class Calls:
    """`unsupported` are return codes that mean the card has no such thing; `lost` that the card is gone.

    `versions` names a function's symbols, the newest first, where it has several.
    """

    shared_library: ctypes.CDLL
    unsupported: frozenset[int]
    lost: frozenset[int] = frozenset()
    versions: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    missing: set[str] = field(default_factory=set[str])
    refused: dict[str, int] = field(default_factory=dict[str, int])
    lost_now: bool = False
    """A call has found its card gone since this was last set to False."""

    def code(self, name: str, *arguments: object) -> int | None:
        """The return code; None where the library has no such function."""
        for symbol in self.versions.get(name, (name,)):
            try:
                function = self.shared_library[symbol]
            except AttributeError:
                continue
            function.restype = ctypes.c_int
            return int(function(*arguments))
        self.missing.add(name)
        return None

    def must(self, name: str, *arguments: object) -> None:
        """For calls without which there is nothing to say. Raises VendorFailed."""
        code = self.code(name, *arguments)
        if code is None:
            raise VendorFailed(f"The library has no {name}.")
        if code != SUCCESS:
            raise VendorFailed(f"{name} answered {code}.")

    def did(self, name: str, *arguments: object) -> bool:
        code = self.code(name, *arguments)
        if code is not None and code in self.lost:
            self.lost_now = True
        elif code and code not in self.unsupported:
            self.refused[name] = code
        return code == SUCCESS

    def number(self, name: str, *arguments: object) -> int | None:
        """An `unsigned int` by reference as the last argument."""
        value = ctypes.c_uint()
        return value.value if self.did(name, *arguments, ctypes.byref(value)) else None

    def long_number(self, name: str, *arguments: object) -> int | None:
        """An `unsigned long long` by reference as the last argument."""
        value = ctypes.c_ulonglong()
        return value.value if self.did(name, *arguments, ctypes.byref(value)) else None

    def signed_number(self, name: str, *arguments: object) -> int | None:
        """An `int` by reference as the last argument."""
        value = ctypes.c_int()
        return value.value if self.did(name, *arguments, ctypes.byref(value)) else None

    def handle(self, name: str, *arguments: object) -> ctypes.c_void_p | None:
        """A pointer to something opaque, by reference as the last argument."""
        value = ctypes.c_void_p()
        return value if self.did(name, *arguments, ctypes.byref(value)) and value else None

    def text(self, name: str, *arguments: object) -> str | None:
        """A buffer and its length as the last two arguments."""
        buffer = ctypes.create_string_buffer(TEXT_BYTES)
        return clean(buffer.value) if self.did(name, *arguments, buffer, ctypes.c_uint(TEXT_BYTES)) else None

    def report(self, checker: Checker) -> None:
        """Says once what the library lacks, and once what it refused."""
        if self.missing:
            checker.say(f"The library lacks {', '.join(sorted(self.missing))}.", hint=OLD_HINT)
        for name, code in sorted(self.refused.items()):
            checker.say(f"{name} answered {code}; what it tells is unknown.")


def clean(raw: bytes) -> str | None:
    """Readable text, or None: a library's buffer may hold anything."""
    text = "".join(letter for letter in raw.decode(errors="replace") if letter.isprintable()).strip()
    return text or None
