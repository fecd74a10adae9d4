"""librocm_smi64, AMD's and Hygon's, as rocm_smi.h declares it (ROCm 5 to 7; Hygon's DTK 24 and later has a copy).

Of AMD's two libraries this one is asked, not libamd_smi: its functions write plain numbers and have kept their shape,
while structures of amdsmi.h have grown from release to release, so that no one layout fits an unknown version.
"""

import ctypes
from dataclasses import dataclass

from appliance.hardware.inventory import Accelerator, BusId, Detected, Health, Link, LinkKind, Partitioning
from appliance.hardware.pci import PciDevice
from appliance.hardware.vendors.c_library import CLibrary
from appliance.hardware.vendors.figures import Figures
from appliance.hardware.vendors.health import health
from appliance.hardware.vendors.numbers import scaled
from appliance.hardware.vendors.places import address, device_at, numa_node
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

    c_library: CLibrary
    world: World
    maker: Maker
    devices: tuple[PciDevice, ...]
    places: dict[int, BusId]
    driver: str | None
    runtime: str | None


def from_library(world: World, maker: Maker) -> Detected:
    library = CLibrary(world.shared_library(*maker.libraries), name="librocm_smi64.so", words=WORDS)
    library.must("rsmi_init", ctypes.c_uint64(0))
    try:
        return _read(library, world, maker)
    finally:
        library.status("rsmi_shut_down")


def _read(library: CLibrary, world: World, maker: Maker) -> Detected:
    count = library.count("rsmi_num_monitor_devices")
    devices = maker.brand.cards(world)
    places = {index: settled(_place(library, index), devices) for index in range(count)}
    node = Node(
        c_library=library,
        world=world,
        maker=maker,
        devices=devices,
        places={index: place for index, place in places.items() if any(card.bus_id == place for card in devices)},
        driver=maker.driver_version(world) or library.text("rsmi_version_str_get", DRIVER),
        runtime=maker.runtime_version(world),
    )
    figures = Figures(maker.brand.name, tells_silence=True)
    nodes = KfdNodes(read_kfd(world))
    cards = tuple(_card(node, index, figures, nodes.take(place)) for index, place in node.places.items())
    return Detected(accelerators=cards, source="library", problems=figures.problems)


def _place(library: CLibrary, index: int) -> BusId:
    """BDFID: domain in bits 32 up, bus in 15 to 8, device in 7 to 3, function in 2 to 0."""
    bdf = library.number("rsmi_dev_pci_id_get", index, kind=ctypes.c_uint64) or 0
    return address(bdf >> 32, bdf >> 8 & 0xFF, bdf >> 3 & 0x1F, bdf & 0x7)


def _card(node: Node, index: int, figures: Figures, kfd: KfdNode | None) -> Accelerator:
    library, maker, place = node.c_library, node.maker, node.places[index]
    wide = ctypes.c_uint64
    total = library.number("rsmi_dev_memory_total_get", index, VRAM, kind=wide)
    used = library.number("rsmi_dev_memory_usage_get", index, VRAM, kind=wide)
    memory, memory_used = figures.memory(total, used, card=index)
    unique = library.number("rsmi_dev_unique_id_get", index, kind=wide)
    cap = library.number("rsmi_dev_power_cap_get", index, 0, kind=wide)
    sensor, celsius = _hottest(library, index)
    temperature = figures.celsius(celsius, card=index)
    return Accelerator(
        family=maker.brand.family,
        vendor=maker.brand.name,
        name=_name(library, index) or maker.brand.product(device_at(node.devices, place)),
        index=index,
        uuid=f"GPU-{unique:016x}" if unique else None,
        bus_id=place,
        memory_bytes=memory,
        memory_used_bytes=memory_used,
        utilization=figures.share(library.number("rsmi_dev_busy_percent_get", index), card=index),
        temperature_celsius=temperature,
        power_watts=figures.watts(_watts(library, index), card=index),
        power_limit_watts=figures.watts_limit(scaled(cap, MICRO), card=index),
        driver_version=node.driver,
        runtime_version=node.runtime,
        compute_capability=_architecture(library, index, kfd),
        architecture=_architecture(library, index, kfd),
        health=_health(library, index, sensor=sensor, temperature=temperature),
        numa_node=numa_node(node.devices, place),
        links=_links(node, index),
        partitioning=_partitioning(library, index),
        selectors=selectors(node.world, maker, index=index, node=kfd),
    )


def _name(library: CLibrary, index: int) -> str | None:
    """Without a name in its tables the library answers with the bare device id."""
    name = library.text("rsmi_dev_name_get", index)
    return None if name is None or name.lower().startswith("0x") else name


def _hottest(library: CLibrary, index: int) -> tuple[int, float | None]:
    """The hot spot where there is one (MI300 has no edge sensor), in degrees."""
    for sensor in (JUNCTION, EDGE, CORE, MEMORY):
        value = library.number("rsmi_dev_temp_metric_get", index, sensor, CURRENT, kind=ctypes.c_int64)
        if value is not None:
            return sensor, value / MILLI
    return JUNCTION, None


def _watts(library: CLibrary, index: int) -> float | None:
    """Since ROCm 6 one call for the socket's or the average power; before that the average alone, of sensor 0."""
    value, kind = ctypes.c_uint64(), ctypes.c_int()
    if library.status("rsmi_dev_power_get", index, ctypes.byref(value), ctypes.byref(kind)) == 0:
        return value.value / MICRO
    average = library.number("rsmi_dev_power_ave_get", index, 0, kind=ctypes.c_uint64)
    return scaled(average, MICRO)


def _architecture(library: CLibrary, index: int, kfd: KfdNode | None) -> str | None:
    """The library writes gfx942 as 942 and gfx90a as 0x90a; no decimal one reaches 2000."""
    if kfd and kfd.architecture:
        return kfd.architecture
    version = library.number("rsmi_dev_target_graphics_version_get", index, kind=ctypes.c_uint64)
    if not version:
        return None
    return f"gfx{version}" if version < 2000 else f"gfx{version:x}"


def _health(library: CLibrary, index: int, *, sensor: int, temperature: float | None) -> Health:
    failed: list[str] = []
    warnings: list[str] = []
    remarks: list[str] = []
    uncorrected = sum(_uncorrected(library, index, block) for block in (UMC, SDMA, GFX, MMHUB, XGMI_WAFL))
    if uncorrected:
        failed.append(f"{uncorrected} uncorrected ECC errors since the driver was loaded: reset the card.")
    if library.number("rsmi_dev_xgmi_error_status", index, kind=ctypes.c_int):
        warnings.append("Errors on its Infinity Fabric links.")
    critical = library.number("rsmi_dev_temp_metric_get", index, sensor, CRITICAL, kind=ctypes.c_int64)
    if temperature and critical and temperature >= critical / MILLI:
        warnings.append(f"{temperature:g} °C, and {critical / MILLI:g} is critical.")
    pages = ctypes.c_uint32(0)
    if library.status("rsmi_dev_memory_reserved_pages_get", index, ctypes.byref(pages), None) == 0 and pages.value:
        remarks.append(f"{pages.value} pages of its memory are retired.")
    return health(failed=failed, warnings=warnings, remarks=remarks)


def _uncorrected(library: CLibrary, index: int, block: int) -> int:
    """The block is an enum whose last member needs 64 bits, so all of it has them."""
    count = library.record("rsmi_dev_ecc_count_get", index, ctypes.c_uint64(block), into=ErrorCount())
    return count.uncorrectable if count else 0


def _links(node: Node, index: int) -> tuple[Link, ...]:
    """The vendor's own links; ways over PCI are read off the bus elsewhere."""
    found: list[Link] = []
    for peer in node.places:
        hops, kind = ctypes.c_uint64(), ctypes.c_int()
        answers = (ctypes.byref(hops), ctypes.byref(kind))
        if peer == index or node.c_library.status("rsmi_topo_get_link_type", index, peer, *answers) != 0:
            continue
        if kind.value == XGMI:
            speed = _bytes_per_second(node.c_library, index, peer)
            found.append(Link(peer_index=peer, kind=LinkKind.FABRIC, name=node.maker.fabric, bytes_per_second=speed))
    return tuple(found)


def _bytes_per_second(library: CLibrary, index: int, peer: int) -> int | None:
    """The library says megabytes, and 0 where it does not know."""
    least, most = ctypes.c_uint64(), ctypes.c_uint64()
    status = library.status("rsmi_minmax_bandwidth_get", index, peer, ctypes.byref(least), ctypes.byref(most))
    return most.value * MICRO if status == 0 and most.value else None


def _partitioning(library: CLibrary, index: int) -> Partitioning:
    """A partition is a device of its own in the library's list; the mode says of what kind."""
    compute = library.text("rsmi_dev_compute_partition_get", index, size=32)
    memory = library.text("rsmi_dev_memory_partition_get", index, size=32)
    return Partitioning(mode="/".join(part for part in (compute, memory) if part) or None)
