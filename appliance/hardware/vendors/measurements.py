"""Vendors' figures, taken with care: a library or a tool leaves some out, and now and then it lies."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from appliance.hardware.inventory import Accelerator, BusId, Problem
from appliance.hardware.world import World

MIB = 1024**2
GIB = 1024**3
LARGEST_MEMORY = 4096 * GIB
"""No card of today has a tenth of it; what is above was read wrongly, in the wrong unit for instance."""

LARGEST_COUNT = 1 << 48

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_ADDRESS = re.compile(r"(?:([0-9a-f]{1,8}):)?([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])", re.IGNORECASE)


@dataclass
class Notes:
    """What was missing or impossible in one vendor's answer, each sentence once, for the admin."""

    vendor: str
    hint: str
    _said: dict[str, None] = field(default_factory=dict[str, None])

    def say(self, message: str) -> None:
        self._said.setdefault(message)

    @property
    def problems(self) -> tuple[Problem, ...]:
        return tuple(Problem(vendor=self.vendor, message=message, hint=self.hint) for message in self._said)

    def distinct(self, cards: Iterable[Accelerator]) -> tuple[Accelerator, ...]:
        """The first card of each index; an index is what a card is chosen by, so no two may share one."""
        known: dict[int, Accelerator] = {}
        for card in cards:
            if card.index in known:
                self.say(f"Two cards claim to be card {card.index}; the second is left out.")
            known.setdefault(card.index, card)
        return tuple(known.values())

    def celsius(self, value: float | None, *, card: int) -> float | None:
        return self._within(value, low=-40, high=150, says=f"Card {card} reports {value} °C.")

    def watts(self, value: float | None, *, card: int) -> float | None:
        return self._within(value, low=0, high=3000, says=f"Card {card} reports {value} W.")

    def share(self, percent: float | None, *, card: int) -> float | None:
        """Per cent to 0..1."""
        taken = self._within(percent, low=0, high=100, says=f"Card {card} reports a utilisation of {percent} %.")
        return None if taken is None else taken / 100

    def memory(self, *, total: float | None, used: float | None, card: int) -> tuple[int, int | None]:
        """Both in bytes. A total that is unknown or cannot be is 0, and then what is used is unknown too."""
        known = self._within(total, low=MIB, high=LARGEST_MEMORY, says=f"Card {card} reports {total} bytes of memory.")
        if known is None:
            self.say(f"Card {card} does not say how much memory it has.")
            return 0, None
        says = f"Card {card} reports {used} bytes in use of {known:.0f}."
        taken = self._within(used, low=0, high=known, says=says)
        return int(known), None if taken is None else int(taken)

    def _within(self, value: float | None, *, low: float, high: float, says: str) -> float | None:
        """The value, or None with a note where it cannot be; a not-a-number fails both comparisons."""
        if value is None or low <= value <= high:
            return value
        self.say(f"{says} That cannot be, so it counts as unknown.")
        return None


def number(text: str | None) -> float | None:
    """The first number of `36 C`, `98304 MiB` or `150W`; None for `N/A`, `-` and nothing."""
    found = _NUMBER.search(text or "")
    return float(found.group()) if found else None


def whole(text: str | None) -> int | None:
    """As `number`, for an index or a count; None for one that is negative or beyond reason."""
    found = number(text)
    return int(found) if found is not None and 0 <= found < LARGEST_COUNT else None


def ordinal(text: str) -> int | None:
    """A card's number and nothing beside it. Python takes `²` for a digit, and no endless row of digits for an int."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 4 else None


def mebibytes(text: str | None) -> float | None:
    """`98304 MiB` (or a vendor's `MB`, which is the same to all of them) in bytes."""
    found = number(text)
    return None if found is None else found * MIB


def bus_id(text: str | None) -> BusId | None:
    """`00000000:C1:00.0` and `c1:00.0` as the kernel writes them: `0000:c1:00.0`."""
    found = _ADDRESS.search(text or "")
    if found is None:
        return None
    domain, bus, device, function = found.groups()
    return bus_address(int(domain or "0", 16), int(bus, 16), int(device, 16), int(function))


def bus_address(domain: int, bus: int, device: int, function: int) -> BusId:
    return f"{domain & 0xFFFFFFFF:04x}:{bus:02x}:{device:02x}.{function:x}"


def numa_node(world: World, address: BusId | None) -> int | None:
    """What the kernel says of the PCI device; the vendors' own figures come from there too."""
    return next((device.numa_node for device in world.pci if device.bus_id == address), None)
