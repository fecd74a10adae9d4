"""libcndev: what one card says of itself. Its links and slices stand in their own modules.

Prototypes are those of cndev.h, interface version 6 (Cambricon/mlu-exporter, Apache 2.0). A structure that
has a version is passed with it filled in. Never run on a card here.
"""

import ctypes
from typing import TypeVar

from appliance.hardware.inventory import Accelerator, BusId, Detected, Health, HealthState
from appliance.hardware.vendors import cambricon_structures as cndev
from appliance.hardware.vendors.c_library import CLibrary, text_of
from appliance.hardware.vendors.cambricon_links import links_of
from appliance.hardware.vendors.cambricon_names import selectors
from appliance.hardware.vendors.cambricon_slices import partitioning_of
from appliance.hardware.vendors.figures import Figures
from appliance.hardware.vendors.numbers import MIB
from appliance.hardware.vendors.places import address, numa_node
from appliance.hardware.world import VendorFailed, World

PATHS = (
    "/usr/local/neuware/lib64/libcndev.so",
    "/usr/lib64/libcndev.so",
    "/usr/lib/x86_64-linux-gnu/libcndev.so",
    "/usr/lib/aarch64-linux-gnu/libcndev.so",
    "libcndev.so",
)
QUIET = (10, 13)
"""Not supported, no permission."""
MOST_CARDS = 64
RUNNING, GOOD = 4, 1
OVERALL = {0: HealthState.OK, 10: HealthState.WARNING, 20: HealthState.FAILED}

Answer = TypeVar("Answer", bound=ctypes.Structure)


def from_library(world: World) -> Detected:
    library = CLibrary(world.shared_library(*PATHS), name="libcndev.so", quiet=QUIET)
    library.must("cndevInit", 0)
    count = cndev.CardCount(version=cndev.VERSION)
    library.must("cndevGetDeviceCount", ctypes.byref(count))
    if count.number > MOST_CARDS:
        raise VendorFailed(f"cndevGetDeviceCount counts {count.number} cards.")
    devices = [_device(library, index) for index in range(count.number)]
    uuids = {index: _uuid(library, device) for index, device in enumerate(devices)}
    figures = Figures("cambricon")
    found = tuple(
        _accelerator(world, library, device, index=index, figures=figures, uuids=uuids)
        for index, device in enumerate(devices)
    )
    problems = (*library.problems("cambricon"), *figures.problems)
    return Detected(accelerators=found, source="library", problems=problems)


def _device(library: CLibrary, index: int) -> int:
    device = ctypes.c_int32()
    library.must("cndevGetDeviceHandleByIndex", index, ctypes.byref(device))
    return device.value


def _uuid(library: CLibrary, device: int) -> str | None:
    said = _ask(library, "cndevGetUUID", device, cndev.Uuid(version=cndev.VERSION))
    return text_of(bytes(said.uuid)) if said else None


def _accelerator(
    world: World, library: CLibrary, device: int, *, index: int, figures: Figures, uuids: dict[int, str | None]
) -> Accelerator:
    memory = _ask(library, "cndevGetMemoryUsageV2", device, cndev.MemoryV2())
    total, used = figures.memory(
        memory.physical_total * MIB if memory else None,
        memory.physical_used * MIB if memory else None,
        card=index,
    )
    power = _ask(library, "cndevGetDevicePowerInfo", device, cndev.Power())
    heat = _ask(library, "cndevGetTemperatureInfo", device, cndev.Temperatures(version=cndev.VERSION))
    load = _ask(library, "cndevGetDeviceUtilizationInfo", device, cndev.Utilization(version=cndev.VERSION))
    place = _place(library, device)
    name = library.constant_text("cndevGetCardNameStringByDevId", device) or "MLU"
    return Accelerator(
        family="neuware",
        vendor="cambricon",
        name=name,
        index=index,
        uuid=uuids[index],
        bus_id=place,
        memory_bytes=total,
        memory_used_bytes=used,
        utilization=figures.share(load.average if load else None, card=index),
        temperature_celsius=figures.celsius(heat.chip if heat else None, card=index),
        power_watts=figures.watts(power.usage if power else None, card=index),
        power_limit_watts=figures.watts_limit(power.cap if power else None, card=index),
        driver_version=_driver(library, device),
        compute_capability=_capability(library, device),
        architecture=name.partition("-")[0],
        health=_health(library, device),
        numa_node=numa_node(world.pci, place),
        links=links_of(library, device, index=index, uuids=uuids),
        partitioning=partitioning_of(library, device, index=index),
        selectors=selectors(world, index=index),
    )


def _place(library: CLibrary, device: int) -> BusId | None:
    place = _ask(library, "cndevGetPCIeInfoV2", device, cndev.PcieV2())
    return address(place.domain, place.bus, place.device, place.function) if place else None


def _driver(library: CLibrary, device: int) -> str | None:
    said = _ask(library, "cndevGetVersionInfo", device, cndev.Versions(version=cndev.VERSION))
    return f"{said.driver_major}.{said.driver_minor}.{said.driver_build}" if said else None


def _capability(library: CLibrary, device: int) -> str | None:
    major, minor = ctypes.c_uint(), ctypes.c_uint()
    asked = library.did("cndevGetComputeCapability", ctypes.byref(major), ctypes.byref(minor), device)
    return f"{major.value}.{minor.value}" if asked else None


def _health(library: CLibrary, device: int) -> Health:
    """The newer call tells what happened; the older, and both, whether the card and its driver are up."""
    reasons: list[str] = []
    overall = HealthState.OK
    if library.has("cndevGetCardHealthStateV2"):
        said = _ask(library, "cndevGetCardHealthStateV2", device, cndev.HealthV2())
        if said:
            overall = OVERALL.get(said.overall, HealthState.UNKNOWN)
            seen = said.incidents[: min(said.incident_count, len(said.incidents))]
            reasons += [text_of(one.message) or f"Incident {one.code}." for one in seen]
    else:
        said = _ask(library, "cndevGetCardHealthState", device, cndev.Health(version=cndev.VERSION))
    if said is None:
        overall = HealthState.UNKNOWN
    elif said.device_state != GOOD or said.driver_state != RUNNING:
        overall = HealthState.FAILED
        reasons.append(f"The driver reports device state {said.device_state} and driver state {said.driver_state}.")
    errors = _ask(library, "cndevGetMemEccCounter", device, cndev.EccCounter(version=cndev.VERSION))
    if errors and errors.volatile_dram_uncorrected:
        reasons.append(f"{errors.volatile_dram_uncorrected} uncorrected ECC errors in DRAM.")
        overall = overall if overall is HealthState.FAILED else HealthState.WARNING
    return Health(state=overall, reasons=tuple(reasons))


def _ask(library: CLibrary, symbol: str, device: int, into: Answer) -> Answer | None:
    return into if library.did(symbol, ctypes.byref(into), device) else None
