"""librocm_smi64, AMD's and Hygon's, as rocm_smi.h declares it (ROCm 5 to 7; Hygon's DTK 24 and later has a copy).

Of AMD's two libraries this one is asked, not libamd_smi: its functions write plain numbers and have kept their shape,
while structures of amdsmi.h have grown from release to release, so that no one layout fits an unknown version.
"""

import ctypes
from dataclasses import dataclass

from appliance.hardware.inventory import Accelerator, BusId, Detected, Health, Link, LinkKind, Partitioning
from appliance.hardware.pci import PciDevice
from appliance.hardware.vendors.native import Native
from appliance.hardware.vendors.places import address, numa_node, unlisted
from appliance.hardware.vendors.readings import Figures, health_of
from appliance.hardware.vendors.rocm import KfdNode, KfdNodes, Maker, read_kfd, selectors, settled
from appliance.hardware.world import World

WORDS = {
    2: "not supported",
    3: "a file of the driver could not be read",
    4: "no permission",
    8: "it could not start: is the kernel's driver loaded?",
}
VRAM = 0
JUNCTION, EDGE, MEMORY, CORE = 1, 0, 2, 3
CURRENT, CRITICAL = 0, 5
UMC, SDMA, GFX, MMHUB, XGMI_WAFL = 0x1, 0x2, 0x4, 0x8, 0x80
XGMI = 2
DRIVER = 0
MICRO = 1_000_000
MILLI = 1000


class ErrorCount(ctypes.Structure):
    """rsmi_error_count_t, with room for what newer releases append (`deferred_err`)."""

    _fields_ = (
        ("correctable", ctypes.c_uint64),
        ("uncorrectable", ctypes.c_uint64),
        ("room", ctypes.c_uint64 * 6),
    )


@dataclass(frozen=True)
class Node:
    """What is the same for all cards of this node."""

    native: Native
    world: World
    maker: Maker
    devices: tuple[PciDevice, ...]
    places: dict[int, BusId]
    driver: str | None
    runtime: str | None


def from_library(world: World, maker: Maker) -> Detected:
    native = Native(world.shared_library(*maker.libraries))
    native.must("rsmi_init", ctypes.c_uint64(0), words=WORDS)
    try:
        return _read(native, world, maker)
    finally:
        native.call("rsmi_shut_down")


def _read(native: Native, world: World, maker: Maker) -> Detected:
    count = native.count("rsmi_num_monitor_devices", words=WORDS)
    devices = maker.cards(world)
    places = {index: settled(_place(native, index), devices) for index in range(count)}
    node = Node(
        native=native,
        world=world,
        maker=maker,
        devices=devices,
        places={index: place for index, place in places.items() if any(card.bus_id == place for card in devices)},
        driver=maker.driver_version(world) or native.text("rsmi_version_str_get", DRIVER, length=256),
        runtime=maker.runtime_version(world),
    )
    figures = Figures(maker.vendor)
    nodes = KfdNodes(read_kfd(world))
    cards = tuple(_card(node, index, figures, nodes.take(place)) for index, place in node.places.items())
    problems = (*figures.problems, *unlisted(devices, node.places.values(), vendor=maker.vendor))
    return Detected(accelerators=cards, source="library", problems=problems)


def _place(native: Native, index: int) -> BusId:
    """BDFID: domain in bits 32 up, bus in 15 to 8, device in 7 to 3, function in 2 to 0."""
    bdf = native.integer("rsmi_dev_pci_id_get", index, kind=ctypes.c_uint64) or 0
    return address(bdf >> 32, bdf >> 8 & 0xFF, bdf >> 3 & 0x1F, bdf & 0x7)


def _card(node: Node, index: int, figures: Figures, kfd: KfdNode | None) -> Accelerator:
    native, maker, place = node.native, node.maker, node.places[index]
    wide = ctypes.c_uint64
    total = native.integer("rsmi_dev_memory_total_get", index, VRAM, kind=wide)
    used = native.integer("rsmi_dev_memory_usage_get", index, VRAM, kind=wide)
    memory, memory_used = figures.memory(total, used, card=index)
    unique = native.integer("rsmi_dev_unique_id_get", index, kind=wide)
    cap = native.integer("rsmi_dev_power_cap_get", index, 0, kind=wide)
    device_id = next((card.device_id for card in node.devices if card.bus_id == place), None)
    sensor, celsius = _hottest(native, index)
    temperature = figures.celsius(celsius, card=index)
    return Accelerator(
        family=maker.family,
        vendor=maker.vendor,
        name=_name(native, index) or maker.name_of(device_id),
        index=index,
        uuid=f"GPU-{unique:016x}" if unique else None,
        bus_id=place,
        memory_bytes=memory,
        memory_used_bytes=memory_used,
        utilization=figures.share(native.integer("rsmi_dev_busy_percent_get", index), card=index),
        temperature_celsius=temperature,
        power_watts=figures.watts(_watts(native, index), card=index),
        power_limit_watts=figures.watts_limit(None if cap is None else cap / MICRO, card=index),
        driver_version=node.driver,
        runtime_version=node.runtime,
        compute_capability=_architecture(native, index, kfd),
        architecture=_architecture(native, index, kfd),
        health=_health(native, index, sensor=sensor, temperature=temperature),
        numa_node=numa_node(node.devices, place),
        links=_links(node, index),
        partitioning=_partitioning(native, index),
        selectors=selectors(node.world, maker, index=index, node=kfd),
    )


def _name(native: Native, index: int) -> str | None:
    """Without a name in its tables the library answers with the bare device id."""
    name = native.text("rsmi_dev_name_get", index, length=256)
    return None if name is None or name.lower().startswith("0x") else name


def _hottest(native: Native, index: int) -> tuple[int, float | None]:
    """The hot spot where there is one (MI300 has no edge sensor), in degrees."""
    for sensor in (JUNCTION, EDGE, CORE, MEMORY):
        value = native.integer("rsmi_dev_temp_metric_get", index, sensor, CURRENT, kind=ctypes.c_int64)
        if value is not None:
            return sensor, value / MILLI
    return JUNCTION, None


def _watts(native: Native, index: int) -> float | None:
    """Since ROCm 6 one call for the socket's or the average power; before that the average alone, of sensor 0."""
    value, kind = ctypes.c_uint64(), ctypes.c_int()
    if native.call("rsmi_dev_power_get", index, ctypes.byref(value), ctypes.byref(kind)) == 0:
        return value.value / MICRO
    average = native.integer("rsmi_dev_power_ave_get", index, 0, kind=ctypes.c_uint64)
    return None if average is None else average / MICRO


def _architecture(native: Native, index: int, kfd: KfdNode | None) -> str | None:
    """The library writes gfx942 as 942 and gfx90a as 0x90a; no decimal one reaches 2000."""
    if kfd and kfd.architecture:
        return kfd.architecture
    version = native.integer("rsmi_dev_target_graphics_version_get", index, kind=ctypes.c_uint64)
    if not version:
        return None
    return f"gfx{version}" if version < 2000 else f"gfx{version:x}"


def _health(native: Native, index: int, *, sensor: int, temperature: float | None) -> Health:
    failed: list[str] = []
    warnings: list[str] = []
    remarks: list[str] = []
    uncorrected = sum(_uncorrected(native, index, block) for block in (UMC, SDMA, GFX, MMHUB, XGMI_WAFL))
    if uncorrected:
        failed.append(f"{uncorrected} uncorrected ECC errors since the driver was loaded: reset the card.")
    if native.integer("rsmi_dev_xgmi_error_status", index, kind=ctypes.c_int):
        warnings.append("Errors on its Infinity Fabric links.")
    critical = native.integer("rsmi_dev_temp_metric_get", index, sensor, CRITICAL, kind=ctypes.c_int64)
    if temperature and critical and temperature >= critical / MILLI:
        warnings.append(f"{temperature:g} °C, and {critical / MILLI:g} is critical.")
    pages = ctypes.c_uint32(0)
    if native.call("rsmi_dev_memory_reserved_pages_get", index, ctypes.byref(pages), None) == 0 and pages.value:
        remarks.append(f"{pages.value} pages of its memory are retired.")
    return health_of(failed=failed, warnings=warnings, remarks=remarks, asked=True)


def _uncorrected(native: Native, index: int, block: int) -> int:
    """The block is an enum whose last member needs 64 bits, so all of it has them."""
    count = native.record("rsmi_dev_ecc_count_get", index, ctypes.c_uint64(block), into=ErrorCount())
    return count.uncorrectable if count else 0


def _links(node: Node, index: int) -> tuple[Link, ...]:
    """The vendor's own links; ways over PCI are read off the bus elsewhere."""
    found: list[Link] = []
    for peer in node.places:
        hops, kind = ctypes.c_uint64(), ctypes.c_int()
        answers = (ctypes.byref(hops), ctypes.byref(kind))
        if peer == index or node.native.call("rsmi_topo_get_link_type", index, peer, *answers) != 0:
            continue
        if kind.value == XGMI:
            speed = _bytes_per_second(node.native, index, peer)
            found.append(Link(peer_index=peer, kind=LinkKind.FABRIC, name=node.maker.fabric, bytes_per_second=speed))
    return tuple(found)


def _bytes_per_second(native: Native, index: int, peer: int) -> int | None:
    """The library says megabytes, and 0 where it does not know."""
    least, most = ctypes.c_uint64(), ctypes.c_uint64()
    status = native.call("rsmi_minmax_bandwidth_get", index, peer, ctypes.byref(least), ctypes.byref(most))
    return most.value * MICRO if status == 0 and most.value else None


def _partitioning(native: Native, index: int) -> Partitioning:
    """A partition is a device of its own in the library's list; the mode says of what kind."""
    compute = native.text("rsmi_dev_compute_partition_get", index, length=32)
    memory = native.text("rsmi_dev_memory_partition_get", index, length=32)
    return Partitioning(mode="/".join(part for part in (compute, memory) if part) or None)
