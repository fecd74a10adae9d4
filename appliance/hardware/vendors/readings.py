"""Figures of a vendor's library or tool, checked: what cannot be true is left out, and an admin hears of it.

Sensors, drivers and tools lie: 65535 % busy, -1 degrees, `N/A`, `[Not Supported]`, more memory used than there is.
"""

import math
import re
from collections import defaultdict

from appliance.hardware.inventory import Health, HealthState, Problem

Raw = float | int | str | None

CELSIUS = (0.5, 150.0)
"""A sensor that says 0 is a dead one; silicon is off long before 150."""
WATTS = (0.0, 5000.0)
MEMORY_BYTES = (1.0, float(1 << 44))
NUMBER = re.compile(r"\s*(-?[0-9]+(?:\.[0-9]+)?)")
UNIT = {"b": 1, "kib": 1 << 10, "kb": 1 << 10, "mib": 1 << 20, "mb": 1 << 20, "gib": 1 << 30, "gb": 1 << 30}
"""Vendors' tools write MB and mean MiB: `amd-smi`'s 196592 MB of a MI300X are its 192 GiB."""

FALSE_HINT = "It is left out. Look in the kernel's log (dmesg) for this card, and restart or update its driver."
SILENT_HINT = "Normal where the card or its driver cannot measure it; otherwise update the driver."


def number(raw: Raw) -> float | None:
    """The leading number of `80.5 W`; None for None, for words, and for what is not finite (JSON may say NaN)."""
    found = NUMBER.match(raw) if isinstance(raw, str) else None
    value = float(found[1]) if found else raw
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def in_bytes(raw: Raw, *, unit: str) -> float | None:
    """`81920 MiB` in bytes; `unit` counts where the text names none."""
    value = number(raw)
    named = re.search(r"([kKmMgG]i?B|\bB)\s*$", raw) if isinstance(raw, str) else None
    return None if value is None else value * UNIT[(named[1] if named else unit).lower()]


def health_of(*, failed: list[str], warnings: list[str], remarks: list[str], asked: bool) -> Health:
    """The worst decides; a remark is worth reading and changes nothing. `unknown` where nobody could be asked."""
    state = HealthState.OK if asked else HealthState.UNKNOWN
    if warnings:
        state = HealthState.WARNING
    if failed:
        state = HealthState.FAILED
    return Health(state=state, reasons=(*failed, *warnings, *remarks))


class Figures:
    """One per question to a vendor; gathers what was wrong with all its cards into few Problems."""

    def __init__(self, vendor: str) -> None:
        self._vendor = vendor
        self._false: dict[str, list[str]] = defaultdict(list)
        self._silent: dict[str, list[int]] = defaultdict(list)

    def share(self, percent: Raw, *, card: int, expected: bool = True) -> float | None:
        """Busy, 0 to 1. Not `expected` where the vendor does not measure it, as on a card cut up by MIG."""
        value = self._checked("utilization", percent, bounds=(0.0, 100.0), card=card, expected=expected)
        return None if value is None else value / 100

    def celsius(self, raw: Raw, *, card: int) -> float | None:
        return self._checked("temperature", raw, bounds=CELSIUS, card=card)

    def watts(self, raw: Raw, *, card: int) -> float | None:
        return self._checked("power", raw, bounds=WATTS, card=card)

    def watts_limit(self, raw: Raw, *, card: int) -> float | None:
        """Zero is no limit that a card has; drivers say it where they know none."""
        value = self._checked("power limit", raw, bounds=WATTS, card=card, expected=False)
        return value or None

    def memory(self, total: Raw, used: Raw, *, card: int) -> tuple[int, int | None]:
        """Bytes in all, 0 where that is not known, and bytes used."""
        whole = self._checked("memory size", total, bounds=MEMORY_BYTES, card=card)
        part = self._checked("memory use", used, bounds=(0.0, whole or MEMORY_BYTES[1]), card=card)
        return int(whole or 0), None if part is None else int(part)

    @property
    def problems(self) -> tuple[Problem, ...]:
        lies = (
            Problem(vendor=self._vendor, message=f"The {what} cannot be true: {', '.join(cards)}.", hint=FALSE_HINT)
            for what, cards in self._false.items()
        )
        silences = (
            Problem(
                vendor=self._vendor,
                message=f"No {what} is given for card {', '.join(str(card) for card in cards)}.",
                hint=SILENT_HINT,
            )
            for what, cards in self._silent.items()
        )
        return (*lies, *silences)

    def _checked(
        self, what: str, raw: Raw, *, bounds: tuple[float, float], card: int, expected: bool = True
    ) -> float | None:
        value = number(raw)
        if value is None:
            if expected:
                self._silent[what].append(card)
            return None
        if not bounds[0] <= value <= bounds[1]:
            self._false[what].append(f"card {card} says {value:g}")
            return None
        return value
