"""libxpuml, in the manner of NVIDIA's NVML.

Layouts, prototypes and units (bytes, milliwatts) are those of xpuml.h in kunlunxin/go-xpuml (Apache 2.0), whose
structures end in reserved words; the tests hold them against a C compiler. That header is of driver 4 and keeps the
UUID's prototype in a comment, so the UUID is asked for only where the symbol is there. It has no topology: the links
come from the tool. Never run on a card here.
"""

import ctypes
from typing import ClassVar

from appliance.hardware.inventory import Accelerator, Detected, Health, HealthState, Link, Partitioning
from appliance.hardware.vendors.c_library import CLibrary
from appliance.hardware.vendors.kunlunxin_cards import card_groups, selectors
from appliance.hardware.vendors.kunlunxin_tool import read_topology
from appliance.hardware.vendors.measurements import Notes, bus_address, numa_node
from appliance.hardware.world import VendorFailed, World

PATHS = ("/usr/local/xpu/lib64/libxpuml.so", "/usr/local/xpu/so/libxpuml.so", "libxpuml.so.1", "libxpuml.so")
QUIET = (3, 4)
"""Not supported, no permission."""
MOST_CARDS = 64
TEXT = 96
ARCHITECTURES = {1: "KL1", 2: "KL2", 3: "KL3"}
STATES = {
    0: (HealthState.OK, None),
    201: (HealthState.OK, None),
    205: (HealthState.WARNING, "The card is being reset."),
    207: (HealthState.FAILED, "The driver holds the card to be in error."),
    208: (HealthState.FAILED, "The card is in an exception."),
}
SRIOV_ON = 2


class PciPlace(ctypes.Structure):
    _fields_: ClassVar = [
        ("domain", ctypes.c_uint),
        ("bus", ctypes.c_uint),
        ("device", ctypes.c_uint),
        ("function", ctypes.c_uint),
        ("pci_device_id", ctypes.c_uint),
        ("pci_subsystem_id", ctypes.c_uint),
        ("bus_id", ctypes.c_char * 32),
        ("reserved", ctypes.c_ulonglong * 9),
    ]


class Utilization(ctypes.Structure):
    _fields_: ClassVar = [
        ("xpu", ctypes.c_uint),
        ("memory", ctypes.c_uint),
        ("reserved", ctypes.c_ulonglong * 15),
    ]


class MemoryInUse(ctypes.Structure):
    """xpumlMemory_t: global memory (HBM), then the on-chip L3."""

    _fields_: ClassVar = [
        ("page_size", ctypes.c_ulonglong),
        ("total", ctypes.c_ulonglong),
        ("free", ctypes.c_ulonglong),
        ("used", ctypes.c_ulonglong),
        ("l3_page_size", ctypes.c_ulonglong),
        ("l3_total", ctypes.c_ulonglong),
        ("l3_free", ctypes.c_ulonglong),
        ("l3_used", ctypes.c_ulonglong),
        ("reserved", ctypes.c_ulonglong * 8),
    ]


class Attributes(ctypes.Structure):
    _fields_: ClassVar = [
        ("arch_id", ctypes.c_int),
        ("board_id", ctypes.c_int),
        ("model_id", ctypes.c_int),
        ("counts", ctypes.c_uint * 7),
        ("global_memory_mib", ctypes.c_ulonglong),
        ("l3_memory_mib", ctypes.c_ulonglong),
        ("serial", ctypes.c_ulonglong * 2),
        ("reserved", ctypes.c_ulonglong * 7),
    ]


def detect(world: World, *, hint: str) -> Detected:
    notes = Notes(vendor="kunlunxin", hint=hint)
    library = CLibrary(world.shared_library(*PATHS), name="libxpuml.so", notes=notes, quiet=QUIET)
    library.must("xpumlInit")
    count = ctypes.c_uint()
    library.must("xpumlDeviceGetCount", ctypes.byref(count))
    if count.value > MOST_CARDS:
        raise VendorFailed(f"xpumlDeviceGetCount counts {count.value} cards.")
    driver = library.ask_text("xpumlSystemGetDriverVersion", size=TEXT, with_size=True)
    links = read_topology(world, notes=notes) if count.value > 1 else {}
    found = tuple(
        _accelerator(world, library, index, notes=notes, driver=driver, links=links.get(index, ()))
        for index in range(count.value)
    )
    return Detected(accelerators=found, card_groups=card_groups(found), source="library", problems=notes.problems)


def _accelerator(
    world: World, library: CLibrary, index: int, *, notes: Notes, driver: str | None, links: tuple[Link, ...]
) -> Accelerator:
    card = ctypes.c_void_p()
    library.must("xpumlDeviceGetHandleByIndex", ctypes.c_uint(index), ctypes.byref(card))
    place, memory, load, kind = PciPlace(), MemoryInUse(), Utilization(), Attributes()
    address = (
        bus_address(place.domain, place.bus, place.device, place.function)
        if library.ask("xpumlDeviceGetPciInfo", card, ctypes.byref(place))
        else None
    )
    has_memory = library.ask("xpumlDeviceGetMemoryInfo", card, ctypes.byref(memory))
    total, used = notes.memory(
        total=memory.total if has_memory else None, used=memory.used if has_memory else None, card=index
    )
    has_load = library.ask("xpumlDeviceGetUtilizationRates", card, ctypes.byref(load))
    has_kind = library.ask("xpumlDeviceGetAttributes", card, ctypes.byref(kind))
    power = _figure(library, "xpumlDeviceGetPowerUsage", card)
    return Accelerator(
        family="kunlun",
        vendor="kunlunxin",
        name=library.ask_text("xpumlDeviceGetName", card, size=TEXT, with_size=True) or "Kunlunxin XPU",
        index=index,
        uuid=_uuid(library, card),
        bus_id=address,
        memory_bytes=total,
        memory_used_bytes=used,
        utilization=notes.share(load.xpu if has_load else None, card=index),
        temperature_celsius=notes.celsius(_figure(library, "xpumlDeviceGetTemperature", card, 0), card=index),
        power_watts=notes.watts(None if power is None else power / 1000, card=index),
        driver_version=driver,
        architecture=ARCHITECTURES.get(kind.arch_id) if has_kind else None,
        health=_health(library, card),
        numa_node=numa_node(world, address),
        links=links,
        partitioning=_partitioning(library, card),
        selectors=selectors(world, index=index, minor=_figure(library, "xpumlDeviceGetMinorNumber", card)),
    )


def _uuid(library: CLibrary, card: ctypes.c_void_p) -> str | None:
    """The board's serial number where the library gives no UUID; it is as much the card's own."""
    if library.has("xpumlDeviceGetUUID"):
        return library.ask_text("xpumlDeviceGetUUID", card, size=TEXT, with_size=True)
    return library.ask_text("xpumlDeviceGetSerial", card, size=TEXT, with_size=True)


def _health(library: CLibrary, card: ctypes.c_void_p) -> Health:
    state = _figure(library, "xpumlDeviceGetState", card)
    if state not in STATES:
        return Health()
    health, reason = STATES[state]
    return Health(state=health, reasons=(reason,) if reason else ())


def _partitioning(library: CLibrary, card: ctypes.c_void_p) -> Partitioning:
    """That the card is cut up, not into what: virtual functions are PCI devices of their own."""
    mode = _figure(library, "xpumlDeviceGetHostVxpuMode", card)
    return Partitioning(mode="SR-IOV" if mode == SRIOV_ON else None)


def _figure(library: CLibrary, symbol: str, card: ctypes.c_void_p, *more: int) -> int | None:
    value = ctypes.c_uint()
    return value.value if library.ask(symbol, card, *more, ctypes.byref(value)) else None
