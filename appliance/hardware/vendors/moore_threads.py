"""Moore Threads (PCI 1ed5): libmtml.so, then mthreads-gmi, then the PCI bus.

Calls and layouts: Moore Threads' `mtml.h` (2.2) as MooreThreads/mthreads-ml-py binds it and pins it in
`test_abi_layout.py`; handles are opaque pointers that are freed again. Power is in mW, an MTLink's bandwidth in Gbit/s.
Not read: instances of a card that is cut up (MPC), only that it is; power limits, whose calls are in no public header.
Run against libraries built from the binding and recorded output only.
"""

import ctypes
import json
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import cast

from appliance.hardware.inventory import Detected, Health, Link, LinkKind, Partitioning, Selectors
from appliance.hardware.vendors.c_calls import Calls, clean
from appliance.hardware.vendors.figures import (
    Checker,
    Figures,
    cards_on_bus,
    display_nodes,
    health,
    normal_address,
    unlisted,
)
from appliance.hardware.vendors.smi_table import MIB, read_table
from appliance.hardware.vendors.vendor import Vendor, first_that_works, from_pci
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
MOST_CARDS, MOST_LINKS = 256, 64
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


def is_present(world: World) -> bool:
    return bool(cards_on_bus(world, PCI_ID))


def detect(world: World) -> Detected:
    ways = (("libmtml", from_library), ("mthreads-gmi", from_json), ("mthreads-gmi's table", from_table))
    return first_that_works(world, vendor=NAME, ways=ways, bare=bare, hint=HINT)


def from_library(world: World) -> Detected:
    calls = Calls(world.shared_library(*LIBRARIES), unsupported=NOT_SUPPORTED, lost=LOST)
    session = ctypes.c_void_p()
    calls.must("mtmlLibraryInit", ctypes.byref(session))
    try:
        count = calls.number("mtmlLibraryCountDevice", session)
        if not count or count > MOST_CARDS:
            raise VendorFailed(f"The library counts {count} cards.")
        driver = driver_version(calls, session)
        figures = [Figures(index, driver_version=driver) for index in range(count)]
        for card in figures:
            read(card, calls, session)
    finally:
        calls.code("mtmlLibraryShutDown", session)
    checker = Checker(NAME, FAMILY)
    calls.report(checker)
    return conclude(world, figures, checker)


@contextmanager
def held(calls: Calls, name: str, free: str, *arguments: object) -> Generator[ctypes.c_void_p | None]:
    """A handle that must be given back; None where it cannot be had."""
    handle = calls.handle(name, *arguments)
    try:
        yield handle
    finally:
        if handle:
            calls.code(free, handle)


def driver_version(calls: Calls, session: ctypes.c_void_p) -> str | None:
    with held(calls, "mtmlLibraryInitSystem", "mtmlLibraryFreeSystem", session) as system:
        return calls.text("mtmlSystemGetDriverVersion", system) if system else None


def read(card: Figures, calls: Calls, session: ctypes.c_void_p) -> None:
    calls.lost_now = False
    place = ctypes.c_uint(card.index)
    with held(calls, "mtmlLibraryInitDeviceByIndex", "mtmlLibraryFreeDevice", session, place) as device:
        if device is None:
            card.health = health(failed=["The library does not let this card be asked."])
            return
        identify(card, calls, device)
        measure(card, calls, device)
    if calls.lost_now:
        card.health = health(failed=["The driver lost this card."])


def identify(card: Figures, calls: Calls, device: ctypes.c_void_p) -> None:
    card.name = calls.text("mtmlDeviceGetName", device)
    card.uuid = calls.text("mtmlDeviceGetUUID", device)
    place, said = PciPlace(), Property()
    if calls.did("mtmlDeviceGetPciInfo", device, ctypes.byref(place)):
        card.bus_id = clean(place.sbdf)
    if calls.did("mtmlDeviceGetProperty", device, ctypes.byref(said)):
        is_parent = (said.bits >> MPC_TYPE_SHIFT) & MPC_TYPE_MASK == MPC_PARENT
        card.partitioning = Partitioning(mode="mpc" if is_parent else None)
    card.links = fabric_links(card, calls, device)


def measure(card: Figures, calls: Calls, device: ctypes.c_void_p) -> None:
    power = calls.number("mtmlDeviceGetPowerUsage", device)
    card.power_watts = None if power is None else power / MILLI
    with held(calls, "mtmlDeviceInitGpu", "mtmlDeviceFreeGpu", device) as gpu:
        if gpu:
            card.utilization = calls.number("mtmlGpuGetUtilization", gpu)
            card.temperature_celsius = calls.signed_number("mtmlGpuGetTemperature", gpu)
    with held(calls, "mtmlDeviceInitMemory", "mtmlDeviceFreeMemory", device) as memory:
        if memory:
            card.memory_bytes = calls.long_number("mtmlMemoryGetTotal", memory)
            card.memory_used_bytes = calls.long_number("mtmlMemoryGetUsed", memory)
            card.health = memory_health(calls, memory)


def memory_health(calls: Calls, memory: ctypes.c_void_p) -> Health:
    kinds = [ctypes.c_uint(kind) for kind in (UNCORRECTED, SINCE_DRIVER_START, IN_DRAM)]
    errors = calls.long_number("mtmlMemoryGetEccErrorCounter", memory, *kinds)
    if errors is None:
        return Health()
    return health(warnings=[f"{errors} uncorrected ECC errors since the driver started."] if errors else [])


def fabric_links(card: Figures, calls: Calls, device: ctypes.c_void_p) -> tuple[Link, ...]:
    """MTLink: each link that is up leads to one neighbour; several may lead to the same."""
    spec = LinkSpec()
    if not calls.did("mtmlDeviceGetMtLinkSpec", device, ctypes.byref(spec)):
        return ()
    peers: Counter[int] = Counter()
    for number in range(min(spec.links, MOST_LINKS)):
        link = ctypes.c_uint(number)
        if calls.number("mtmlDeviceGetMtLinkState", device, link) == LINK_UP:
            peer = neighbour(calls, device, link)
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


def neighbour(calls: Calls, device: ctypes.c_void_p, link: ctypes.c_uint) -> int | None:
    with held(calls, "mtmlDeviceGetMtLinkRemoteDevice", "mtmlLibraryFreeDevice", device, link) as remote:
        return calls.number("mtmlDeviceGetIndex", remote) if remote else None


def from_json(world: World) -> Detected:
    """`mthreads-gmi --query --json`, whose keys may end with a space. Raises VendorFailed for anything else."""
    try:
        document: object = json.loads(world.tool("mthreads-gmi", "--query", "--json"))
    except ValueError as error:
        raise VendorFailed("The tool does not speak JSON.") from error
    top = section(document)
    rows = top.get("GPU")
    if not isinstance(rows, list) or not rows:
        raise VendorFailed("The tool names no card.")
    driver = word(top, "Driver Version")
    figures = [parse(place, section(row), driver) for place, row in enumerate(cast("list[object]", rows))]
    found = conclude(world, figures, Checker(NAME, FAMILY))
    return found.model_copy(update={"source": "tool"})


def parse(place: int, said: Mapping[str, object], driver: str | None) -> Figures:
    memory, busy = section(said.get("FB Memory Usage")), section(said.get("Utilization"))
    heat, power = section(said.get("Temperature")), section(said.get("Power Readings"))
    total, used = amount(memory, "Total", "MiB"), amount(memory, "Used", "MiB")
    index = word(said, "Index") or ""
    return Figures(
        index=int(index) if index.isdigit() else place,
        name=word(said, "Product Name"),
        uuid=word(said, "GPU UUID"),
        bus_id=word(section(said.get("PCI")), "Bus ID"),
        memory_bytes=None if total is None else int(total * MIB),
        memory_used_bytes=None if used is None else int(used * MIB),
        utilization=amount(busy, "Gpu", "%"),
        temperature_celsius=amount(heat, "GPU Current Temp", "C"),
        power_watts=amount(power, "Power Draw", "W"),
        power_limit_watts=amount(power, "Current Power Limit", "W"),
        driver_version=driver,
    )


def section(value: object) -> dict[str, object]:
    """A JSON object by its trimmed keys; empty for anything else."""
    pairs = cast("dict[str, object]", value).items() if isinstance(value, dict) else ()
    return {name.strip(): found for name, found in pairs}


def word(said: Mapping[str, object], name: str) -> str | None:
    value = said.get(name)
    return value.strip() or None if isinstance(value, str) and value.strip() != "N/A" else None


def amount(said: Mapping[str, object], name: str, unit: str) -> float | None:
    """`81920MiB` without its unit; None for words."""
    try:
        return float((word(said, name) or "").removesuffix(unit))
    except ValueError:
        return None


def from_table(world: World) -> Detected:
    """What older tools print, which know no JSON: no uuid, no power."""
    figures = [card for card, _ in read_table(world.tool("mthreads-gmi"))]
    found = conclude(world, figures, Checker(NAME, FAMILY))
    return found.model_copy(update={"source": "tool"})


def conclude(world: World, figures: Sequence[Figures], checker: Checker) -> Detected:
    cards = tuple(checker.card(card, selectors=selectors(world, card)) for card in figures)
    cards += unlisted(cards, cards_on_bus(world, PCI_ID), checker=checker)
    return Detected(accelerators=cards, problems=tuple(checker.problems))


def selectors(world: World, card: Figures) -> Selectors:
    """The container's variable as torch_musa's guide and Moore Threads' images set it."""
    return Selectors(
        process={"MUSA_VISIBLE_DEVICES": str(card.index)},
        container={"MTHREADS_VISIBLE_DEVICES": str(card.index)},
        device_nodes=(f"/dev/mtgpu.{card.index}", *display_nodes(world, normal_address(card.bus_id))),
        kubernetes="mthreads.com/gpu",
    )


def bare(world: World) -> Detected:
    return from_pci(cards_on_bus(world, PCI_ID), vendor=NAME, family=FAMILY, products=PRODUCTS)


VENDOR = Vendor(name=NAME, family=FAMILY, pci_ids=(PCI_ID,), is_present=is_present, detect=detect)
