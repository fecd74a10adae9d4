"""MetaX (PCI 9999): libmxsml.so, then mx-smi, then the PCI bus.

Calls and layouts: MetaX's `MxSml.h` (mxsml 2.3.1) and its published Python binding `pymxsml`: memory in KiB,
temperature in hundredths of a degree, power in mW for each of a C-class board's supplies. A card that is cut up by
SR-IOV shows a physical function, which runs nothing and is left out, and its virtual functions. The header does not
say what a reason of unavailability is numbered; 0 is taken for none. Selectors: MetaX's own container instructions
(`/dev/mxcd`, `/dev/dri/*`). Run against libraries built from the header and recorded tables only.
"""

import ctypes
from collections.abc import Sequence

from appliance.hardware.inventory import BusId, Detected, Health, Link, LinkKind, Selectors
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
from appliance.hardware.vendors.smi_table import read_table, read_uuids, version
from appliance.hardware.vendors.vendor import Vendor, first_that_works, from_pci
from appliance.hardware.world import VendorFailed, World

NAME, FAMILY, PCI_ID = "metax", "maca", "9999"
FOLDERS = ("/opt/mxdriver", "/opt/maca", "/opt/mxn100")
LIBRARIES = (*(f"{folder}/lib/libmxsml.so" for folder in FOLDERS), "libmxsml.so")
TOOL_FOLDERS = tuple(f"{folder}/bin" for folder in FOLDERS)
PRODUCTS = {"4001": "MetaX C500"}
"""Recorded pairs of id and name; the vendor publishes no list."""

HINT = "Install MetaX's driver under /opt/mxdriver, and see that `mx-smi` shows the cards."

NOT_SUPPORTED = frozenset({3})
LOST = frozenset({2, 6})
"""MXSML_OperationNotSupport; MXSML_NoDevice and InvalidDeviceId."""

INSUFFICIENT_SIZE = 10
PHYSICAL_FUNCTION = 1
DRIVER_VERSION = 1
HOTSPOT = 0
XCORE = 4
METAXLINK = 5
VERSION_BYTES = 64
MOST_CARDS, MOST_SUPPLIES = 256, 16
KIB, MILLI, CENTI = 1024, 1000, 100


class DeviceDetails(ctypes.Structure):
    """mxSmlDeviceInfo_t."""

    _fields_ = [
        ("device_id", ctypes.c_uint),
        ("type", ctypes.c_uint),
        ("bdf_id", ctypes.c_char * 32),
        ("gpu_id", ctypes.c_uint),
        ("node_id", ctypes.c_uint),
        ("uuid", ctypes.c_char * 96),
        ("brand", ctypes.c_uint),
        ("mode", ctypes.c_uint),
        ("device_name", ctypes.c_char * 32),
    ]


class CardMemory(ctypes.Structure):
    """mxSmlMemoryInfo_t, KiB."""

    _fields_ = [
        (name, ctypes.c_long)
        for name in ("visible_total", "visible_used", "vram_total", "vram_used", "xtt_total", "xtt_used")
    ]


class Supply(ctypes.Structure):
    """mxSmlBoardWayElectricInfo_t: mV, mA, mW."""

    _fields_ = [("voltage", ctypes.c_uint), ("current", ctypes.c_uint), ("power", ctypes.c_uint)]


class EccErrors(ctypes.Structure):
    """mxSmlEccErrorCount_t."""

    _fields_ = [(name, ctypes.c_uint) for name in ("sram_ce", "sram_ue", "dram_ce", "dram_ue", "retired_page")]


class Unavailable(ctypes.Structure):
    """mxSmlDeviceUnavailableReasonInfo_t."""

    _fields_ = [("code", ctypes.c_int), ("reason", ctypes.c_char * 64)]


def is_present(world: World) -> bool:
    return bool(cards_on_bus(world, PCI_ID))


def detect(world: World) -> Detected:
    ways = (("libmxsml", from_library), ("mx-smi", from_tool))
    return first_that_works(world, vendor=NAME, ways=ways, bare=bare, hint=HINT)


def from_library(world: World) -> Detected:
    calls = Calls(world.shared_library(*LIBRARIES), unsupported=NOT_SUPPORTED, lost=LOST)
    calls.must("mxSmlInit")
    count = calls.code("mxSmlGetDeviceCount")
    if not count or not 0 < count <= MOST_CARDS:
        raise VendorFailed(f"The library counts {count} cards.")
    runtime = sized_text(calls, "mxSmlGetMacaVersion")
    skipped: set[BusId] = set()
    figures = [card for index in range(count) if (card := read(calls, index, runtime, skipped))]
    listed = [card.index for card in figures]
    for card in figures:
        card.links = fabric_links(calls, card.index, listed)
    checker = Checker(NAME, FAMILY)
    calls.report(checker)
    return conclude(world, figures, checker, skipped=skipped)


def read(calls: Calls, index: int, runtime: str | None, skipped: set[BusId]) -> Figures | None:
    """None for a physical function, whose address goes into `skipped`."""
    calls.lost_now = False
    card, place = Figures(index, runtime_version=runtime), ctypes.c_uint(index)
    about = DeviceDetails()
    if calls.did("mxSmlGetDeviceInfo", place, ctypes.byref(about)):
        card.name, card.uuid, card.bus_id = clean(about.device_name), clean(about.uuid), clean(about.bdf_id)
        if about.mode == PHYSICAL_FUNCTION:
            skipped.update(filter(None, [normal_address(card.bus_id)]))
            return None
    card.driver_version = sized_text(calls, "mxSmlGetDeviceVersion", place, ctypes.c_uint(DRIVER_VERSION))
    measure(card, calls, place)
    card.health = health(failed=["The driver lost this card."]) if calls.lost_now else asked_health(calls, place)
    return card


def measure(card: Figures, calls: Calls, place: ctypes.c_uint) -> None:
    memory = CardMemory()
    if calls.did("mxSmlGetMemoryInfo", place, ctypes.byref(memory)):
        card.memory_bytes, card.memory_used_bytes = memory.vram_total * KIB, memory.vram_used * KIB
    card.utilization = calls.signed_number("mxSmlGetDeviceIpUsage", place, ctypes.c_uint(XCORE))
    heat = calls.signed_number("mxSmlGetTemperatureInfo", place, ctypes.c_uint(HOTSPOT))
    card.temperature_celsius = None if heat is None else heat / CENTI
    card.power_watts = board_watts(calls, place)
    limit = calls.number("mxSmlGetBoardPowerLimit", place)
    card.power_limit_watts = None if limit is None else limit / MILLI


def board_watts(calls: Calls, place: ctypes.c_uint) -> float | None:
    """The sum of the board's supplies; how many there are is in `size` afterwards."""
    supplies, size = (Supply * MOST_SUPPLIES)(), ctypes.c_uint(MOST_SUPPLIES)
    if not calls.did("mxSmlGetBoardPowerInfo", place, ctypes.byref(size), supplies) or size.value > MOST_SUPPLIES:
        return None
    return sum(supplies[way].power for way in range(size.value)) / MILLI


def asked_health(calls: Calls, place: ctypes.c_uint) -> Health:
    why, errors = Unavailable(), EccErrors()
    is_told = calls.did("mxSmlGetDeviceUnavailableReason", place, ctypes.byref(why))
    is_counted = calls.did("mxSmlGetTotalEccErrors", place, ctypes.byref(errors))
    if not is_told and not is_counted:
        return Health()
    uncorrected = errors.sram_ue + errors.dram_ue
    return health(
        failed=[f"Unavailable: {clean(why.reason) or why.code}."] if why.code else [],
        warnings=[f"{uncorrected} uncorrected ECC errors."] if uncorrected else [],
    )


def fabric_links(calls: Calls, index: int, others: Sequence[int]) -> tuple[Link, ...]:
    """MetaXLink, which `mx-smi topo` calls MX; other distances are read off the PCI tree."""
    near = [
        other
        for other in others
        if other != index
        and calls.number("mxSmlGetDeviceTopology", ctypes.c_uint(index), ctypes.c_uint(other)) == METAXLINK
    ]
    return tuple(Link(peer_index=other, kind=LinkKind.FABRIC, name="MX") for other in near)


def sized_text(calls: Calls, name: str, *arguments: object) -> str | None:
    """Functions that take the buffer's length by reference."""
    buffer, size = ctypes.create_string_buffer(VERSION_BYTES), ctypes.c_uint(VERSION_BYTES)
    return clean(buffer.value) if calls.did(name, *arguments, buffer, ctypes.byref(size)) else None


def from_tool(world: World) -> Detected:
    """The table, and `mx-smi -L` for the uuids. From 2.2 on the table says whether a card is available."""
    output = world.tool("mx-smi", folders=TOOL_FOLDERS)
    checker = Checker(NAME, FAMILY)
    rows = read_table(output)
    uuids = listed_uuids(world, checker)
    for card, block in rows:
        card.uuid, card.runtime_version = uuids.get(card.index), version(output, "MACA")
        state = block.splitlines()[1].rstrip("| ").rpartition("|")[2].strip() if "GPU-State" in output else None
        if state:
            card.health = health(failed=[] if state == "Available" else [f"mx-smi calls it {state}."])
    found = conclude(world, [card for card, _ in rows], checker)
    return found.model_copy(update={"source": "tool"})


def listed_uuids(world: World, checker: Checker) -> dict[int, str]:
    try:
        return read_uuids(world.tool("mx-smi", "-L", folders=TOOL_FOLDERS))
    except VendorFailed as error:
        checker.say(f"The cards' uuids are unknown: {error}", hint=HINT)
        return {}


def conclude(
    world: World, figures: Sequence[Figures], checker: Checker, *, skipped: Sequence[BusId] | set[BusId] = ()
) -> Detected:
    cards = tuple(checker.card(card, selectors=selectors(world, card)) for card in figures)
    cards += unlisted(cards, cards_on_bus(world, PCI_ID), checker=checker, skipped=skipped)
    return Detected(accelerators=cards, problems=tuple(checker.problems))


def selectors(world: World, card: Figures) -> Selectors:
    return Selectors(
        process={"CUDA_VISIBLE_DEVICES": str(card.index)},
        container={"CUDA_VISIBLE_DEVICES": str(card.index)},
        device_nodes=("/dev/mxcd", *display_nodes(world, normal_address(card.bus_id))),
        kubernetes="metax-tech.com/gpu",
    )


def bare(world: World) -> Detected:
    return from_pci(cards_on_bus(world, PCI_ID), vendor=NAME, family=FAMILY, products=PRODUCTS)


VENDOR = Vendor(name=NAME, family=FAMILY, pci_ids=(PCI_ID,), is_present=is_present, detect=detect)
