"""Gaudi cards as HLML describes them (hlml.h of HabanaAI/gohlml; the first releases have fewer symbols).

Not through the binding pyhlml: it opens one fixed path, and a status that is an error passes without a word.
"""

import ctypes
from dataclasses import dataclass

from appliance.hardware.inventory import Accelerator, BusId, Detected, Health, HealthState, Link, LinkKind
from appliance.hardware.pci import PciDevice
from appliance.hardware.vendors.c_library import CLibrary
from appliance.hardware.vendors.figures import Figures
from appliance.hardware.vendors.gaudi_names import (
    BRAND,
    PORT_BYTES_PER_SECOND,
    architecture,
    selectors,
)
from appliance.hardware.vendors.health import health
from appliance.hardware.vendors.numbers import scaled
from appliance.hardware.vendors.places import bus_id, device_at, numa_node
from appliance.hardware.world import World

LIBRARIES = ("usr/lib/habanalabs/libhlml.so", "libhlml.so")
LOST = 15
WORDS = {1: "not initialized", 9: "the habanalabs driver is not loaded", LOST: "the card is lost", 49: "unknown error"}
ON_CHIP = 0
SLOWDOWN_THRESHOLD = 1
UNCORRECTED = 1
SINCE_RESET, IN_ITS_LIFE = 0, 1
THROTTLE = {0x1: "its power limit", 0x2: "its temperature"}
PORT_WORDS = 2
MILLI = 1000


class Memory(ctypes.Structure):
    """hlml_memory_t"""

    _fields_ = (("free", ctypes.c_uint64), ("total", ctypes.c_uint64), ("used", ctypes.c_uint64))


class PciPlace(ctypes.Structure):
    """hlml_pci_info_t with its hlml_pci_cap_t."""

    _fields_ = (
        ("bus", ctypes.c_uint),
        ("bus_id", ctypes.c_char * 15),
        ("device", ctypes.c_uint),
        ("domain", ctypes.c_uint),
        ("pci_device_id", ctypes.c_uint),
        ("link_speed", ctypes.c_char * 10),
        ("link_width", ctypes.c_char * 10),
    )


@dataclass(frozen=True)
class Ports:
    """The ports that lead to the other cards of the box: how many there are, and how many are up."""

    inside: int
    up: int


@dataclass(frozen=True)
class Node:
    c_library: CLibrary
    world: World
    devices: tuple[PciDevice, ...]
    handles: dict[int, ctypes.c_void_p]
    driver: str | None


def from_library(world: World) -> Detected:
    library = CLibrary(world.shared_library(*LIBRARIES), name="libhlml.so", words=WORDS)
    library.must("hlml_init")
    try:
        return _read(library, world)
    finally:
        library.status("hlml_shutdown")


def _read(library: CLibrary, world: World) -> Detected:
    count = library.count("hlml_device_get_count")
    handles = {index: handle for index in range(count) if (handle := _handle(library, index))}
    node = Node(
        c_library=library,
        world=world,
        devices=BRAND.cards(world),
        handles=handles,
        driver=library.text("hlml_get_driver_version") or world.text("sys/module/habanalabs/version"),
    )
    figures = Figures("gaudi", tells_silence=True)
    found = tuple(_card(node, index, figures) if index in handles else _lost(node, index) for index in range(count))
    return Detected(accelerators=found, source="library", problems=figures.problems)


def _handle(library: CLibrary, index: int) -> ctypes.c_void_p | None:
    handle = ctypes.c_void_p()
    status = library.status("hlml_device_get_handle_by_index", index, ctypes.byref(handle))
    return handle if status == 0 else None


def _lost(node: Node, index: int) -> Accelerator:
    return Accelerator(
        family="gaudi",
        vendor="gaudi",
        name="Gaudi card that does not answer",
        index=index,
        memory_bytes=0,
        driver_version=node.driver,
        health=Health(state=HealthState.FAILED, reasons=("HLML cannot reach the card: reset it (hl-smi -r).",)),
    )


def _card(node: Node, index: int, figures: Figures) -> Accelerator:
    library, handle = node.c_library, node.handles[index]
    pci = library.record("hlml_device_get_pci_info", handle, into=PciPlace())
    place: BusId | None = bus_id(pci.bus_id.decode(errors="replace")) if pci else None
    device = device_at(node.devices, place)
    memory = library.record("hlml_device_get_memory_info", handle, into=Memory())
    total, used = figures.memory(memory.total if memory else None, memory.used if memory else None, card=index)
    power = library.number("hlml_device_get_power_usage", handle)
    limit = library.number("hlml_device_get_power_management_default_limit", handle)
    degrees = library.number("hlml_device_get_temperature", handle, ON_CHIP, kind=ctypes.c_int)
    temperature = figures.celsius(degrees, card=index)
    ports = _ports(library, handle)
    return Accelerator(
        family="gaudi",
        vendor="gaudi",
        name=library.text("hlml_device_get_name", handle) or architecture(device) or "Gaudi card",
        index=index,
        uuid=library.text("hlml_device_get_uuid", handle),
        bus_id=place,
        memory_bytes=total,
        memory_used_bytes=used,
        utilization=figures.share(library.number("hlml_device_get_utilization_rates", handle), card=index),
        temperature_celsius=temperature,
        power_watts=figures.watts(scaled(power, MILLI), card=index),
        power_limit_watts=figures.watts_limit(scaled(limit, MILLI), card=index),
        driver_version=node.driver,
        architecture=architecture(device),
        health=_health(library, handle, temperature=temperature, ports=ports),
        numa_node=numa_node(node.devices, place),
        links=_links(node, index, ports, architecture(device)),
        selectors=selectors(
            node.world,
            index=index,
            module=library.number("hlml_device_get_module_id", handle),
            minor=library.number("hlml_device_get_minor_number", handle),
            device=device,
        ),
    )


def _health(library: CLibrary, handle: ctypes.c_void_p, *, temperature: float | None, ports: Ports | None) -> Health:
    failed: list[str] = []
    warnings: list[str] = []
    remarks: list[str] = []
    wide = ctypes.c_uint64
    counts = "hlml_device_get_total_ecc_errors"
    if uncorrected := library.number(counts, handle, UNCORRECTED, SINCE_RESET, kind=wide):
        failed.append(f"{uncorrected} uncorrected ECC errors since the last reset: reset the card.")
    if ever := library.number(counts, handle, UNCORRECTED, IN_ITS_LIFE, kind=wide):
        remarks.append(f"{ever} uncorrected ECC errors in its life.")
    if library.number("hlml_device_get_replaced_rows_pending_status", handle):
        warnings.append("A row of its memory waits to be replaced: reset the card.")
    rows = sum(_replaced_rows(library, handle, cause) for cause in (0, 1))
    if rows:
        remarks.append(f"{rows} rows of its memory were replaced.")
    throttled = library.number("hlml_device_get_current_clocks_throttle_reasons", handle, kind=wide) or 0
    warnings += [f"Throttled by {words}." for bit, words in THROTTLE.items() if throttled & bit]
    slowdown = library.number("hlml_device_get_temperature_threshold", handle, SLOWDOWN_THRESHOLD)
    if temperature and slowdown and temperature >= slowdown:
        warnings.append(f"{temperature:g} °C, and it slows down at {slowdown}.")
    if ports and ports.up < ports.inside:
        warnings.append(f"{ports.up} of {ports.inside} ports to the other cards are up: manage_network_ifs.sh --up.")
    return health(failed=failed, warnings=warnings, remarks=remarks)


def _replaced_rows(library: CLibrary, handle: ctypes.c_void_p, cause: int) -> int:
    count = ctypes.c_uint(0)
    status = library.status("hlml_device_get_replaced_rows", handle, cause, ctypes.byref(count), None)
    return count.value if status == 0 else 0


def _ports(library: CLibrary, handle: ctypes.c_void_p) -> Ports | None:
    """Two masks of all ports and of those that leave the box; None where the library does not tell, or has none."""
    every, leaving = (ctypes.c_uint64 * PORT_WORDS)(), (ctypes.c_uint64 * PORT_WORDS)()
    if library.status("hlml_get_mac_addr_info", handle, every, leaving) != 0:
        return None
    inside = [port for port in range(64) if every[0] >> port & 1 and not leaving[0] >> port & 1]
    up = sum(1 for port in inside if library.number("hlml_nic_get_link", handle, port, kind=ctypes.c_uint8))
    return Ports(inside=len(inside), up=up) if inside else None


def _links(node: Node, index: int, ports: Ports | None, generation: str | None) -> tuple[Link, ...]:
    """Every card has the same number of ports to each other card of its box (docs.habana.ai: 21 / 7 = 3 on eight).

    The library does not say which port leads where, so the speed is told only where all of them are up.
    """
    peers = [peer for peer in node.handles if peer != index]
    if ports is None or not ports.up or not peers or ports.inside % len(peers):
        return ()
    each = ports.inside // len(peers)
    speed = PORT_BYTES_PER_SECOND.get(generation or "") if ports.up == ports.inside else None
    return tuple(
        Link(
            peer_index=peer,
            kind=LinkKind.FABRIC,
            name=f"{each}xRoCE",
            bytes_per_second=speed * each if speed else None,
        )
        for peer in peers
    )
