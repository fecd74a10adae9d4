"""Moore Threads (PCI 1ed5): libmtml.so, then mthreads-gmi, then the PCI bus.

Calls and layouts: Moore Threads' `mtml.h` (2.2) as MooreThreads/mthreads-ml-py binds it and pins it in
`test_abi_layout.py`; handles are opaque pointers that are freed again. Power is in mW, an MTLink's bandwidth in Gbit/s.
Not read: instances of a card that is cut up (MPC), only that it is; power limits, whose calls are in no public header.
Run against libraries built from the binding and recorded output only.
"""

import ctypes
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager

from appliance.hardware.inventory import Detected, Health, Link, LinkKind, Partitioning, Selectors
from appliance.hardware.vendors.brand import Brand, vendor_of
from appliance.hardware.vendors.c_library import CLibrary, text_of
from appliance.hardware.vendors.documents import Json, at, entries, figure, parse, words
from appliance.hardware.vendors.health import health
from appliance.hardware.vendors.numbers import in_bytes, number, ordinal, scaled
from appliance.hardware.vendors.places import bus_id, display_nodes
from appliance.hardware.vendors.reading import CardMaker, Reading
from appliance.hardware.vendors.smi_table import read_table
from appliance.hardware.world import VendorFailed, World

NAME, FAMILY, PCI_ID = "moore_threads", "musa", "1ed5"
SYSTEM_FOLDERS = ("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib")
LIBRARIES = ("libmtml.so.2", "libmtml.so", *(f"{folder}/libmtml.so" for folder in SYSTEM_FOLDERS))
PRODUCTS = {"0222": "MTT S3000", "0400": "MTT S5000"}
"""Recorded pairs of id and name; the vendor publishes no list."""

HINT = "Install Moore Threads' driver package, and see that `mthreads-gmi` shows the cards."

NOT_SUPPORTED = frozenset({4, 7})
LOST = frozenset({2})
"""MTML_ERROR_NOT_SUPPORTED and NOT_FOUND; MTML_ERROR_DRIVER_FAILURE."""

UNCORRECTED, SINCE_DRIVER_START, IN_DRAM = 1, 0, 1
LINK_UP = 1
MPC_TYPE_SHIFT, MPC_TYPE_MASK, MPC_PARENT = 5, 0x7, 1
MOST_LINKS = 64
MILLI = 1000
BYTES_PER_GBIT = 10**9 // 8


class PciPlace(ctypes.Structure):
    """MtmlPciInfo, 104 bytes. Older bindings lack `subsystem_id`; only `sbdf` is read, which is the same in all."""

    _fields_ = [
        ("sbdf", ctypes.c_char * 32),
        *((name, ctypes.c_uint) for name in ("segment", "bus", "device", "device_id", "subsystem_id", "bus_width")),
        ("max_speed", ctypes.c_float),
        ("current_speed", ctypes.c_float),
        *((name, ctypes.c_uint) for name in ("max_width", "current_width", "max_generation", "current_generation")),
        ("reserved", ctypes.c_int * 6),
    ]


class LinkSpec(ctypes.Structure):
    """MtmlMtLinkSpec; `bandwidth` is one link's."""

    _fields_ = [
        ("version", ctypes.c_uint),
        ("bandwidth", ctypes.c_uint),
        ("links", ctypes.c_uint),
        ("reserved", ctypes.c_uint * 4),
    ]


class Property(ctypes.Structure):
    """MtmlDeviceProperty: bit fields, from the lowest virtCap:1 virtRole:3 mpcCap:1 mpcType:3 mtLinkCap:1."""

    _fields_ = [("bits", ctypes.c_uint), ("reserved", ctypes.c_uint)]


def from_library(world: World) -> Detected:
    library = CLibrary(world.shared_library(*LIBRARIES), name="libmtml.so", quiet=NOT_SUPPORTED, lost=LOST)
    session = ctypes.c_void_p()
    library.must("mtmlLibraryInit", ctypes.byref(session))
    try:
        count = library.count("mtmlLibraryCountDevice", session)
        if not count:
            raise VendorFailed("The library counts no card.")
        driver = driver_version(library, session)
        readings = [Reading(index, driver_version=driver) for index in range(count)]
        for card in readings:
            read(card, library, session)
    finally:
        library.status("mtmlLibraryShutDown", session)
    return MAKER.detected(world, readings, source="library", problems=library.problems(NAME))


@contextmanager
def held(library: CLibrary, name: str, free: str, *arguments: object) -> Generator[ctypes.c_void_p | None]:
    """A handle that must be given back; None where it cannot be had."""
    handle = library.handle(name, *arguments)
    try:
        yield handle
    finally:
        if handle:
            library.status(free, handle)


def driver_version(library: CLibrary, session: ctypes.c_void_p) -> str | None:
    with held(library, "mtmlLibraryInitSystem", "mtmlLibraryFreeSystem", session) as system:
        return library.text("mtmlSystemGetDriverVersion", system) if system else None


def read(card: Reading, library: CLibrary, session: ctypes.c_void_p) -> None:
    library.found_lost = False
    place = ctypes.c_uint(card.index)
    with held(library, "mtmlLibraryInitDeviceByIndex", "mtmlLibraryFreeDevice", session, place) as device:
        if device is None:
            card.health = health(failed=["The library does not let this card be asked."])
            return
        identify(card, library, device)
        measure(card, library, device)
    if library.found_lost:
        card.health = health(failed=["The driver lost this card."])


def identify(card: Reading, library: CLibrary, device: ctypes.c_void_p) -> None:
    card.name = library.text("mtmlDeviceGetName", device)
    card.uuid = library.text("mtmlDeviceGetUUID", device)
    place = library.record("mtmlDeviceGetPciInfo", device, into=PciPlace())
    card.place = text_of(place.sbdf) if place else None
    said = library.record("mtmlDeviceGetProperty", device, into=Property())
    is_parent = said is not None and (said.bits >> MPC_TYPE_SHIFT) & MPC_TYPE_MASK == MPC_PARENT
    card.partitioning = Partitioning(mode="mpc" if is_parent else None)
    card.links = fabric_links(card, library, device)


def measure(card: Reading, library: CLibrary, device: ctypes.c_void_p) -> None:
    card.power_watts = scaled(library.number("mtmlDeviceGetPowerUsage", device), MILLI)
    with held(library, "mtmlDeviceInitGpu", "mtmlDeviceFreeGpu", device) as gpu:
        if gpu:
            card.utilization = library.number("mtmlGpuGetUtilization", gpu)
            card.temperature_celsius = library.number("mtmlGpuGetTemperature", gpu, kind=ctypes.c_int)
    with held(library, "mtmlDeviceInitMemory", "mtmlDeviceFreeMemory", device) as memory:
        if memory:
            card.memory_bytes = library.number("mtmlMemoryGetTotal", memory, kind=ctypes.c_uint64)
            card.memory_used_bytes = library.number("mtmlMemoryGetUsed", memory, kind=ctypes.c_uint64)
            card.health = memory_health(library, memory)


def memory_health(library: CLibrary, memory: ctypes.c_void_p) -> Health:
    kinds = [ctypes.c_uint(kind) for kind in (UNCORRECTED, SINCE_DRIVER_START, IN_DRAM)]
    errors = library.number("mtmlMemoryGetEccErrorCounter", memory, *kinds, kind=ctypes.c_uint64)
    warnings = [f"{errors} uncorrected ECC errors since the driver started."] if errors else []
    return health(warnings=warnings, asked=errors is not None)


def fabric_links(card: Reading, library: CLibrary, device: ctypes.c_void_p) -> tuple[Link, ...]:
    """MTLink: each link that is up leads to one neighbour; several may lead to the same."""
    spec = library.record("mtmlDeviceGetMtLinkSpec", device, into=LinkSpec())
    if spec is None:
        return ()
    peers: Counter[int] = Counter()
    for port in range(min(spec.links, MOST_LINKS)):
        link = ctypes.c_uint(port)
        if library.number("mtmlDeviceGetMtLinkState", device, link) == LINK_UP:
            peer = neighbour(library, device, link)
            if peer is not None and peer != card.index:
                peers[peer] += 1
    return tuple(
        Link(
            peer_index=peer,
            kind=LinkKind.FABRIC,
            name=f"MT{links}",
            bytes_per_second=links * spec.bandwidth * BYTES_PER_GBIT or None,
        )
        for peer, links in sorted(peers.items())
    )


def neighbour(library: CLibrary, device: ctypes.c_void_p, link: ctypes.c_uint) -> int | None:
    with held(library, "mtmlDeviceGetMtLinkRemoteDevice", "mtmlLibraryFreeDevice", device, link) as remote:
        return library.number("mtmlDeviceGetIndex", remote) if remote else None


def from_json(world: World) -> Detected:
    """`mthreads-gmi --query --json`. Raises VendorFailed where that prints something else."""
    document = parse(world.tool("mthreads-gmi", "--query", "--json"), tool="mthreads-gmi")
    rows = entries(at(document, "GPU"))
    if not rows:
        raise VendorFailed("The tool names no card.")
    driver = words(document, "Driver Version")
    readings = [reading(row, place, driver) for place, row in enumerate(rows)]
    return MAKER.detected(world, readings, source="tool")


def reading(row: Json, place: int, driver: str | None) -> Reading:
    memory = "FB Memory Usage"
    index = ordinal(words(row, "Index") or "")
    return Reading(
        index=place if index is None else index,
        name=words(row, "Product Name"),
        uuid=words(row, "GPU UUID"),
        place=words(row, "PCI", "Bus ID"),
        memory_bytes=in_bytes(figure(row, memory, "Total")),
        memory_used_bytes=in_bytes(figure(row, memory, "Used")),
        utilization=number(figure(row, "Utilization", "Gpu")),
        temperature_celsius=number(figure(row, "Temperature", "GPU Current Temp")),
        power_watts=number(figure(row, "Power Readings", "Power Draw")),
        power_limit_watts=number(figure(row, "Power Readings", "Current Power Limit")),
        driver_version=driver,
    )


def from_table(world: World) -> Detected:
    """What older tools print, which know no JSON: no uuid, no power."""
    readings = [card for card, _ in read_table(world.tool("mthreads-gmi"))]
    return MAKER.detected(world, readings, source="tool")


def selectors(world: World, card: Reading) -> Selectors:
    """The container's variable as torch_musa's guide and Moore Threads' images set it."""
    return Selectors(
        process={"MUSA_VISIBLE_DEVICES": str(card.index)},
        container={"MTHREADS_VISIBLE_DEVICES": str(card.index)},
        device_nodes=(f"/dev/mtgpu.{card.index}", *display_nodes(world, bus_id(card.place))),
        kubernetes="mthreads.com/gpu",
    )


BRAND = Brand(NAME, FAMILY, PCI_ID, hint=HINT, products=PRODUCTS)
MAKER = CardMaker(BRAND, selectors)
VENDOR = vendor_of(
    BRAND, ways=(("libmtml", from_library), ("mthreads-gmi", from_json), ("mthreads-gmi's table", from_table))
)
