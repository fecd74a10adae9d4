"""Figures of a vendor's library or tool, checked: what cannot be true is left out, and an admin hears of it.

Sensors, drivers and tools lie: 65535 % busy, -1 degrees, not-a-number, more memory used than there is. The rules are
the same for every vendor:

- A figure that physics or the card's own size forbids is false: it becomes None, and a Problem names the cards.
- A figure that nobody gives is None. That is a Problem for the memory size, without which nothing can be placed. For
  the others it is one only where `tells_silence`: so that an absence is told once, it is off where the library's
  refused calls are told by their names (`c_library`), and for tables that print `-` for what a card does not measure.
- Memory in use cannot be checked, and is unknown, where the size is.
"""

from collections import defaultdict
from collections.abc import Iterable

from appliance.hardware.inventory import Accelerator, Problem
from appliance.hardware.vendors.numbers import GIB, MIB, Raw, number

PERCENT = (0.0, 100.0)
CELSIUS = (0.5, 150.0)
"""A running chip is above freezing: a sensor that says 0 or -1 is a dead one. Silicon is off long before 150."""
WATTS = (0.0, 3000.0)
"""Twice what the largest single card of today may draw."""
MEMORY_BYTES = (float(MIB), float(4096 * GIB))
"""No card of today has a tenth of 4 TiB; what is outside was read in a wrong unit."""

FALSE_HINT = "It is left out. Look in the kernel's log (dmesg) for this card, and restart or update its driver."
SILENT_HINT = "Normal where the card or its driver cannot measure it; otherwise update the driver."
TWICE_HINT = "Run the vendor's own tool on this node; where it shows the same, restart its driver or the node."


class Figures:
    """One per question to a vendor; gathers what was wrong with all its cards into few Problems."""

    def __init__(self, vendor: str, *, tells_silence: bool = False) -> None:
        self._vendor = vendor
        self._tells_silence = tells_silence
        self._false: dict[str, list[str]] = defaultdict(list)
        self._silent: dict[str, list[int]] = defaultdict(list)
        self._twice: list[int] = []

    def share(self, percent: Raw, *, card: int, expected: bool = True) -> float | None:
        """Busy, 0 to 1. Not `expected` where the vendor does not measure it, as on a card cut up by MIG."""
        value = self._checked("utilization", percent, bounds=PERCENT, card=card, expected=expected)
        return None if value is None else value / 100

    def celsius(self, raw: Raw, *, card: int) -> float | None:
        return self._checked("temperature", raw, bounds=CELSIUS, card=card)

    def watts(self, raw: Raw, *, card: int) -> float | None:
        return self._checked("power", raw, bounds=WATTS, card=card)

    def watts_limit(self, raw: Raw, *, card: int) -> float | None:
        """Zero is no limit that a card has; drivers say it where they know none."""
        return self._checked("power limit", raw, bounds=WATTS, card=card, expected=False) or None

    def memory(self, total: Raw, used: Raw, *, card: int) -> tuple[int, int | None]:
        """Bytes in all, 0 where that is not known, and bytes used."""
        if total is None:
            self._silent["memory size"].append(card)
        whole = self._checked("memory size", total, bounds=MEMORY_BYTES, card=card, expected=False)
        if whole is None:
            return 0, None
        part = self._checked("memory use", used, bounds=(0.0, whole), card=card)
        return int(whole), None if part is None else int(part)

    def distinct(self, cards: Iterable[Accelerator]) -> tuple[Accelerator, ...]:
        """The first card of each index: a card is chosen by it, so no two may share one."""
        known: dict[int, Accelerator] = {}
        for card in cards:
            if card.index in known:
                self._twice.append(card.index)
            known.setdefault(card.index, card)
        return tuple(known.values())

    @property
    def problems(self) -> tuple[Problem, ...]:
        said = (
            *((f"The {what} cannot be true: {', '.join(cards)}.", FALSE_HINT) for what, cards in self._false.items()),
            *((f"No {what} is given for card {_list(cards)}.", SILENT_HINT) for what, cards in self._silent.items()),
            *((f"Two cards claim to be card {card}; the second is left out.", TWICE_HINT) for card in self._twice),
        )
        return tuple(Problem(vendor=self._vendor, message=message, hint=hint) for message, hint in said)

    def _checked(
        self, what: str, raw: Raw, *, bounds: tuple[float, float], card: int, expected: bool = True
    ) -> float | None:
        """A not-a-number of a library fails both comparisons, and so is false and not silent."""
        value = raw if isinstance(raw, float) else number(raw)
        if value is None:
            if expected and self._tells_silence:
                self._silent[what].append(card)
            return None
        if not bounds[0] <= value <= bounds[1]:
            self._false[what].append(f"card {card} says {value:g}")
            return None
        return value


def _list(cards: list[int]) -> str:
    return ", ".join(str(card) for card in cards)
