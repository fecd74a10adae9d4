"""Numbers out of what vendors' tools print: `80.5 W`, `81920 MiB`, `N/A`, `[Not Supported]`, `-`."""

import math
import re

Raw = float | int | str | None

MIB, GIB = 1 << 20, 1 << 30
UNIT = {"b": 1, "kib": 1 << 10, "kb": 1 << 10, "mib": MIB, "mb": MIB, "gib": GIB, "gb": GIB}
"""Vendors' tools write MB and mean MiB: `amd-smi`'s 196592 MB of a MI300X are its 192 GiB."""

LARGEST_COUNT = 1 << 48

_LEADING = re.compile(r"\s*(-?[0-9]+(?:\.[0-9]+)?)")
_UNIT = re.compile(r"([kKmMgG]i?B|\bB)\s*$")


def number(raw: Raw) -> float | None:
    """The leading number of `80.5 W`; None for None, for words, and for what is not finite (JSON may say NaN)."""
    found = _LEADING.match(raw) if isinstance(raw, str) else None
    value = float(found[1]) if found else raw
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def whole(raw: Raw) -> int | None:
    """As `number`, for an index or a count; None for one that is negative or beyond reason."""
    found = number(raw)
    return int(found) if found is not None and 0 <= found < LARGEST_COUNT else None


def ordinal(text: str) -> int | None:
    """A card's number and nothing beside it. Python takes `²` for a digit, and no endless row of digits for an int."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 4 else None


def in_bytes(raw: Raw, *, unit: str = "mib") -> float | None:
    """`81920 MiB` in bytes; `unit` counts where the text names none."""
    value = number(raw)
    named = _UNIT.search(raw) if isinstance(raw, str) else None
    return None if value is None else value * UNIT[(named[1] if named else unit).lower()]


def scaled(value: float | None, by: float) -> float | None:
    """A library's milliwatts or hundredths of a degree in our units; unknown stays unknown."""
    return None if value is None else value / by
