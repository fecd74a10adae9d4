"""Power and load of an Intel GPU, which Sysman tells as counters, and its power limit."""

import ctypes
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from appliance.hardware.inventory import BusId
from appliance.hardware.vendors import sysman as zes
from appliance.hardware.vendors.sysman import Sysman

MILLI = 1000
BETWEEN_SECONDS = 0.05


@dataclass(frozen=True)
class Pulse:
    """A card's two counters at one moment."""

    energy: zes.Counter | None
    activity: zes.Counter | None


@dataclass(frozen=True)
class Beat:
    """The counters at two moments."""

    before: Pulse
    after: Pulse

    @property
    def watts(self) -> float | None:
        return rate(self.before.energy, self.after.energy)

    @property
    def percent(self) -> float | None:
        busy = rate(self.before.activity, self.after.activity)
        return None if busy is None else busy * 100


def read_pulse(sysman: Sysman, card: ctypes.c_void_p) -> Pulse:
    domain, engine = _power_domain(sysman, card), _engine(sysman, card)
    library = sysman.c_library
    return Pulse(
        energy=library.record("zesPowerGetEnergyCounter", domain, into=zes.Counter()) if domain else None,
        activity=library.record("zesEngineGetActivity", engine, into=zes.Counter()) if engine else None,
    )


_earlier: dict[tuple[Path, BusId], Pulse] = {}
"""Of the look before, by machine and place."""


def read_twice(sysman: Sysman, cards: Mapping[BusId, ctypes.c_void_p], *, machine: Path) -> dict[BusId, Beat]:
    """The second reading is now, the first one that of the look before: in a process that stays, load and power are
    those of the time between two looks, and nobody waits. The first look waits a moment, because for who looks once
    (`appliance hardware`) there is no other.
    """
    before = {place: _earlier.get((machine, place)) for place in cards}
    if None in before.values():
        before = {place: read_pulse(sysman, card) for place, card in cards.items()}
        time.sleep(BETWEEN_SECONDS)
    after = {place: read_pulse(sysman, card) for place, card in cards.items()}
    _earlier.update({(machine, place): pulse for place, pulse in after.items()})
    return {place: Beat(before=first, after=after[place]) for place, first in before.items() if first}


def rate(before: zes.Counter | None, after: zes.Counter | None) -> float | None:
    """Microjoules per microsecond are watts; busy microseconds per microsecond a share. None where a counter has begun
    anew, as after a reset.
    """
    if before is None or after is None or after.timestamp <= before.timestamp or after.value < before.value:
        return None
    return (after.value - before.value) / (after.timestamp - before.timestamp)


def watts_limit(sysman: Sysman, card: ctypes.c_void_p) -> float | None:
    domain = _power_domain(sysman, card)
    if domain is None:
        return None
    sustained = zes.SustainedLimit()
    if (
        sysman.c_library.status("zesPowerGetLimits", domain, ctypes.byref(sustained), None, None) == 0
        and sustained.enabled
    ):
        return sustained.power / MILLI
    known = sysman.ask("zesPowerGetProperties", domain, zes.PowerProperties)
    return known.default_limit / MILLI if known and known.default_limit > 0 else None


def _power_domain(sysman: Sysman, card: ctypes.c_void_p) -> ctypes.c_void_p | None:
    """The whole card's, where there are others of its tiles."""
    domains = sysman.parts("zesDeviceEnumPowerDomains", card)
    for domain in domains:
        known = sysman.ask("zesPowerGetProperties", domain, zes.PowerProperties)
        if known and not known.on_subdevice:
            return domain
    return domains[0] if domains else None


def _engine(sysman: Sysman, card: ctypes.c_void_p) -> ctypes.c_void_p | None:
    """All engines together, else all compute engines."""
    kinds: dict[int, ctypes.c_void_p] = {}
    for engine in sysman.parts("zesDeviceEnumEngineGroups", card):
        known = sysman.ask("zesEngineGetProperties", engine, zes.EngineProperties)
        if known:
            kinds.setdefault(known.type, engine)
    return kinds.get(zes.ALL_ENGINES) or kinds.get(zes.ALL_COMPUTE)
