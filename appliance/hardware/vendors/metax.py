"""MetaX (PCI 9999): libmxsml.so, then mx-smi, then the PCI bus.

Calls and layouts: MetaX's `MxSml.h` (mxsml 2.3.1) and its published Python binding `pymxsml`: memory in KiB,
temperature in hundredths of a degree, power in mW for each of a C-class board's supplies. A card that is cut up by
SR-IOV shows a physical function, which runs nothing and is left out, and its virtual functions. The header does not
say what a reason of unavailability is numbered; 0 is taken for none. Selectors: MetaX's own container instructions
(`/dev/mxcd`, `/dev/dri/*`). Run against libraries built from the header and recorded tables only.
"""

import ctypes
from collections.abc import Sequence

from appliance.hardware.inventory import Detected, Health, Link, LinkKind, Selectors
from appliance.hardware.vendors.brand import Brand, vendor_of
from appliance.hardware.vendors.c_library import MOST_CARDS, CLibrary, text_of
from appliance.hardware.vendors.health import health
from appliance.hardware.vendors.numbers import scaled
from appliance.hardware.vendors.places import bus_id, display_nodes
from appliance.hardware.vendors.questions import ask_together, needed, printed, unanswered
from appliance.hardware.vendors.reading import CardMaker, Reading
from appliance.hardware.vendors.smi_table import NO_UUIDS, read_table, read_uuids, version
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

PHYSICAL_FUNCTION = 1
DRIVER_VERSION = 1
HOTSPOT = 0
XCORE = 4
METAXLINK = 5
VERSION_BYTES = 64
MOST_SUPPLIES = 16
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


def from_library(world: World) -> Detected:
    library = CLibrary(world.shared_library(*LIBRARIES), name="libmxsml.so", quiet=NOT_SUPPORTED, lost=LOST)
    library.must("mxSmlInit")
    count = library.returned("mxSmlGetDeviceCount")
    if not count or not 0 < count <= MOST_CARDS:
        raise VendorFailed(f"The library counts {count} cards.")
    runtime = sized_text(library, "mxSmlGetMacaVersion")
    readings = [card for index in range(count) if (card := read(library, index, runtime))]
    listed = [card.index for card in readings]
    for card in readings:
        card.links = fabric_links(library, card.index, listed)
    return MAKER.detected(world, readings, source="library", problems=library.problems(NAME))


def read(library: CLibrary, index: int, runtime: str | None) -> Reading | None:
    """None for a physical function."""
    library.found_lost = False
    card, place = Reading(index, runtime_version=runtime), ctypes.c_uint(index)
    about = library.record("mxSmlGetDeviceInfo", place, into=DeviceDetails())
    if about:
        card.name, card.uuid, card.place = text_of(about.device_name), text_of(about.uuid), text_of(about.bdf_id)
        if about.mode == PHYSICAL_FUNCTION:
            return None
    card.driver_version = sized_text(library, "mxSmlGetDeviceVersion", place, ctypes.c_uint(DRIVER_VERSION))
    measure(card, library, place)
    card.health = asked_health(library, place)
    if library.found_lost:
        card.health = health(failed=["The driver lost this card."])
    return card


def measure(card: Reading, library: CLibrary, place: ctypes.c_uint) -> None:
    memory = library.record("mxSmlGetMemoryInfo", place, into=CardMemory())
    if memory:
        card.memory_bytes, card.memory_used_bytes = memory.vram_total * KIB, memory.vram_used * KIB
    card.utilization = library.number("mxSmlGetDeviceIpUsage", place, ctypes.c_uint(XCORE), kind=ctypes.c_int)
    heat = library.number("mxSmlGetTemperatureInfo", place, ctypes.c_uint(HOTSPOT), kind=ctypes.c_int)
    card.temperature_celsius = scaled(heat, CENTI)
    card.power_watts = board_watts(library, place)
    card.power_limit_watts = scaled(library.number("mxSmlGetBoardPowerLimit", place), MILLI)


def board_watts(library: CLibrary, place: ctypes.c_uint) -> float | None:
    """The sum of the board's supplies; how many there are is in `size` afterwards."""
    supplies, size = (Supply * MOST_SUPPLIES)(), ctypes.c_uint(MOST_SUPPLIES)
    if not library.did("mxSmlGetBoardPowerInfo", place, ctypes.byref(size), supplies) or size.value > MOST_SUPPLIES:
        return None
    return sum(supplies[way].power for way in range(size.value)) / MILLI


def asked_health(library: CLibrary, place: ctypes.c_uint) -> Health:
    why = library.record("mxSmlGetDeviceUnavailableReason", place, into=Unavailable())
    errors = library.record("mxSmlGetTotalEccErrors", place, into=EccErrors())
    uncorrected = errors.sram_ue + errors.dram_ue if errors else 0
    return health(
        failed=[f"Unavailable: {text_of(why.reason) or why.code}."] if why and why.code else [],
        warnings=[f"{uncorrected} uncorrected ECC errors."] if uncorrected else [],
        asked=bool(why or errors),
    )


def fabric_links(library: CLibrary, index: int, others: Sequence[int]) -> tuple[Link, ...]:
    """MetaXLink, which `mx-smi topo` calls MX; other distances are read off the PCI tree."""
    near = [
        other
        for other in others
        if other != index
        and library.number("mxSmlGetDeviceTopology", ctypes.c_uint(index), ctypes.c_uint(other)) == METAXLINK
    ]
    return tuple(Link(peer_index=other, kind=LinkKind.FABRIC, name="MX") for other in near)


def sized_text(library: CLibrary, name: str, *arguments: object) -> str | None:
    """Functions that take the buffer's length by reference."""
    buffer, size = ctypes.create_string_buffer(VERSION_BYTES), ctypes.c_uint(VERSION_BYTES)
    return text_of(buffer.raw) if library.did(name, *arguments, buffer, ctypes.byref(size)) else None


def from_tool(world: World) -> Detected:
    """The table, and `mx-smi -L` for the uuids. From 2.2 on the table says whether a card is available."""
    table, listed = ask_together(world, "mx-smi", (), ("-L",), folders=TOOL_FOLDERS)
    output, uuids = needed(table), read_uuids(printed(listed))
    rows = read_table(output)
    for card, block in rows:
        card.uuid, card.runtime_version = uuids.get(card.index), version(output, "MACA")
        state = block.splitlines()[1].rstrip("| ").rpartition("|")[2].strip() if "GPU-State" in output else None
        if state:
            card.health = health(failed=[] if state == "Available" else [f"mx-smi calls it {state}."])
    problems = unanswered(listed, "mx-smi -L", vendor=NAME, hint=HINT, costs=NO_UUIDS)
    return MAKER.detected(world, [card for card, _ in rows], source="tool", problems=problems)


def selectors(world: World, card: Reading) -> Selectors:
    return Selectors(
        process={"CUDA_VISIBLE_DEVICES": str(card.index)},
        container={"CUDA_VISIBLE_DEVICES": str(card.index)},
        device_nodes=("/dev/mxcd", *display_nodes(world, bus_id(card.place))),
        kubernetes="metax-tech.com/gpu",
    )


BRAND = Brand(NAME, FAMILY, PCI_ID, hint=HINT, products=PRODUCTS)
MAKER = CardMaker(BRAND, selectors)
VENDOR = vendor_of(BRAND, ways=(("libmxsml", from_library), ("mx-smi", from_tool)))
