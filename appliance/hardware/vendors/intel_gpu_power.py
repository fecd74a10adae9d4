"""Power and load of an Intel GPU, which Sysman tells as counters, and its power limit."""

import ctypes
from dataclasses import dataclass

from appliance.hardware.vendors import sysman as zes
from appliance.hardware.vendors.sysman import Sysman

MILLI = 1000


@dataclass(frozen=True)
class Pulse:
    """A card's two counters at one moment."""

    energy: zes.Counter | None
    activity: zes.Counter | None


def read_pulse(sysman: Sysman, card: ctypes.c_void_p) -> Pulse:
    domain, engine = _power_domain(sysman, card), _engine(sysman, card)
    library = sysman.library
    return Pulse(
        energy=library.record("zesPowerGetEnergyCounter", domain, into=zes.Counter()) if domain else None,
        activity=library.record("zesEngineGetActivity", engine, into=zes.Counter()) if engine else None,
    )


def rate(before: zes.Counter | None, after: zes.Counter | None) -> float | None:
    """Microjoules per microsecond are watts; busy microseconds per microsecond a share."""
    if before is None or after is None or after.timestamp <= before.timestamp:
        return None
    return (after.value - before.value) / (after.timestamp - before.timestamp)


def watts_limit(sysman: Sysman, card: ctypes.c_void_p) -> float | None:
    domain = _power_domain(sysman, card)
    if domain is None:
        return None
    sustained = zes.SustainedLimit()
    if (
        sysman.library.status("zesPowerGetLimits", domain, ctypes.byref(sustained), None, None) == 0
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
