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
from appliance.hardware.vendors.figures import Figures
from appliance.hardware.vendors.kunlunxin_names import card_groups, selectors
from appliance.hardware.vendors.kunlunxin_tool import ask, read_topology, without_links
from appliance.hardware.vendors.numbers import scaled
from appliance.hardware.vendors.places import address, numa_node
from appliance.hardware.world import World

PATHS = ("/usr/local/xpu/lib64/libxpuml.so", "/usr/local/xpu/so/libxpuml.so", "libxpuml.so.1", "libxpuml.so")
QUIET = (3, 4)
"""Not supported, no permission."""
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
MILLI = 1000


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


def from_library(world: World) -> Detected:
    library = CLibrary(world.shared_library(*PATHS), name="libxpuml.so", quiet=QUIET)
    library.must("xpumlInit")
    count = library.count("xpumlDeviceGetCount")
    driver = library.text("xpumlSystemGetDriverVersion", size=TEXT)
    (topology,) = ask(world, ("topo", "-m")) if count > 1 else ("",)
    links = read_topology(topology)
    figures = Figures("kunlunxin")
    found = tuple(
        _accelerator(world, library, index, figures=figures, driver=driver, links=links.get(index, ()))
        for index in range(count)
    )
    problems = (*without_links(topology), *library.problems("kunlunxin"), *figures.problems)
    return Detected(accelerators=found, card_groups=card_groups(found), source="library", problems=problems)


def _accelerator(
    world: World, library: CLibrary, index: int, *, figures: Figures, driver: str | None, links: tuple[Link, ...]
) -> Accelerator:
    card = ctypes.c_void_p()
    library.must("xpumlDeviceGetHandleByIndex", ctypes.c_uint(index), ctypes.byref(card))
    pci = library.record("xpumlDeviceGetPciInfo", card, into=PciPlace())
    place = address(pci.domain, pci.bus, pci.device, pci.function) if pci else None
    memory = library.record("xpumlDeviceGetMemoryInfo", card, into=MemoryInUse())
    total, used = figures.memory(memory.total if memory else None, memory.used if memory else None, card=index)
    load = library.record("xpumlDeviceGetUtilizationRates", card, into=Utilization())
    kind = library.record("xpumlDeviceGetAttributes", card, into=Attributes())
    power = library.number("xpumlDeviceGetPowerUsage", card)
    return Accelerator(
        family="kunlun",
        vendor="kunlunxin",
        name=library.text("xpumlDeviceGetName", card, size=TEXT) or "Kunlunxin XPU",
        index=index,
        uuid=_uuid(library, card),
        bus_id=place,
        memory_bytes=total,
        memory_used_bytes=used,
        utilization=figures.share(load.xpu if load else None, card=index),
        temperature_celsius=figures.celsius(library.number("xpumlDeviceGetTemperature", card, 0), card=index),
        power_watts=figures.watts(scaled(power, MILLI), card=index),
        driver_version=driver,
        architecture=ARCHITECTURES.get(kind.arch_id) if kind else None,
        health=_health(library, card),
        numa_node=numa_node(world.pci, place),
        links=links,
        partitioning=_partitioning(library, card),
        selectors=selectors(world, index=index, minor=library.number("xpumlDeviceGetMinorNumber", card)),
    )


def _uuid(library: CLibrary, card: ctypes.c_void_p) -> str | None:
    """The board's serial number where the library gives no UUID; it is as much the card's own."""
    if library.has("xpumlDeviceGetUUID"):
        return library.text("xpumlDeviceGetUUID", card, size=TEXT)
    return library.text("xpumlDeviceGetSerial", card, size=TEXT)


def _health(library: CLibrary, card: ctypes.c_void_p) -> Health:
    state = library.number("xpumlDeviceGetState", card)
    if state not in STATES:
        return Health()
    health, reason = STATES[state]
    return Health(state=health, reasons=(reason,) if reason else ())


def _partitioning(library: CLibrary, card: ctypes.c_void_p) -> Partitioning:
    """That the card is cut up, not into what: virtual functions are PCI devices of their own."""
    mode = library.number("xpumlDeviceGetHostVxpuMode", card)
    return Partitioning(mode="SR-IOV" if mode == SRIOV_ON else None)
