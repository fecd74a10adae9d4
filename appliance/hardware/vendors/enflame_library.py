"""libefml, by its functions that take a card's index (`Efml...`).

Layouts and prototypes are those of two efml.h that users of the library publish, an early one and one of 2024-2025, in
which the ESL links became GCU-LARE with the same structure; the tests hold them against a C compiler. Memory is taken
to be in MiB: what is used is a 32-bit number, too small for bytes, and `efsmi` prints MiB. DRS slices are known to the
tool only. Never run on a card here.
"""

import ctypes

from appliance.hardware.inventory import (
    Accelerator,
    BusId,
    Detected,
    Health,
    Link,
    LinkKind,
    Partition,
    Partitioning,
)
from appliance.hardware.vendors.c_library import CLibrary
from appliance.hardware.vendors.enflame_names import selectors
from appliance.hardware.vendors.enflame_structures import (
    TEXT,
    DeviceFacts,
    EccStatus,
    MemoryInUse,
    PortFacts,
    Power,
    RmaStatus,
    Temperatures,
)
from appliance.hardware.vendors.figures import Figures
from appliance.hardware.vendors.health import health
from appliance.hardware.vendors.numbers import MIB
from appliance.hardware.vendors.places import address, numa_node
from appliance.hardware.world import World

PATHS = ("/usr/lib/libefml.so", "/usr/lib64/libefml.so", "/usr/local/lib/libefml.so", "libefml.so")
QUIET = (3, 13)
"""Not supported, deprecated."""
MOST_PORTS, MOST_SLICES = 32, 32
MODES = {1: "vGCU", 2: "mdev", 3: "SR-IOV", 4: "SR-IOV VF"}


def from_library(world: World) -> Detected:
    library = CLibrary(world.shared_library(*PATHS), name="libefml.so", quiet=QUIET)
    library.must("EfmlInit", ctypes.c_bool(False))
    count = library.count("EfmlGetDevCount")
    driver = library.text("EfmlGetDriverVer", size=TEXT, with_size=False)
    places = {index: _place(library, index) for index in range(count)}
    figures = Figures("enflame")
    found = tuple(
        _accelerator(world, library, index, figures=figures, driver=driver, places=places) for index in places
    )
    problems = (*library.problems("enflame"), *figures.problems)
    return Detected(accelerators=found, source="library", problems=problems)


def _accelerator(
    world: World,
    library: CLibrary,
    index: int,
    *,
    figures: Figures,
    driver: str | None,
    places: dict[int, BusId | None],
) -> Accelerator:
    card, place = ctypes.c_uint32(index), places[index]
    memory = library.record("EfmlGetDevMem", card, into=MemoryInUse())
    total, used = figures.memory(
        memory.total * MIB if memory else None, memory.used * MIB if memory else None, card=index
    )
    power = library.record("EfmlGetDevPwr", card, into=Power())
    architecture = _architecture(library, card)
    heat = library.record(_warmth(library, architecture), card, into=Temperatures())
    load = ctypes.c_float()
    has_load = library.did("EfmlGetDevDtuUsage", card, ctypes.byref(load))
    name = library.text("EfmlGetDevName", card, size=TEXT, with_size=False) or "GCU"
    return Accelerator(
        family="topsrider",
        vendor="enflame",
        name=name if name.startswith("Enflame") else f"Enflame {name}",
        index=index,
        uuid=library.text("EfmlGetDevUuid", card, size=TEXT, with_size=False),
        bus_id=place,
        memory_bytes=total,
        memory_used_bytes=used,
        utilization=figures.share(load.value if has_load else None, card=index),
        temperature_celsius=figures.celsius(heat.chip if heat else None, card=index),
        power_watts=figures.watts(power.consumption if power else None, card=index),
        power_limit_watts=figures.watts_limit(power.capability if power else None, card=index),
        driver_version=driver,
        architecture=architecture,
        health=_health(library, card),
        numa_node=numa_node(world.pci, place),
        links=_links(library, index, places=places),
        partitioning=_partitioning(library, card),
        selectors=selectors(world, index=index, address=place),
    )


def _place(library: CLibrary, index: int) -> BusId | None:
    place = library.record("EfmlGetDevInfo", ctypes.c_uint32(index), into=DeviceFacts())
    return address(place.domain_id, place.bus_id, place.dev_id, place.func_id) if place else None


def _architecture(library: CLibrary, card: ctypes.c_uint32) -> str | None:
    """Older libraries have no such function, which is no fault."""
    return (
        library.text("EfmlGetHwArchName", card, size=TEXT, with_size=False)
        if library.has("EfmlGetHwArchName")
        else None
    )


def _warmth(library: CLibrary, architecture: str | None) -> str:
    """Of a library that has both calls, the newer is for the GCU300 only (a published Go binding asks likewise)."""
    old, new = "EfmlGetDevTemp", "EfmlGetDevTempV2"
    return new if not library.has(old) or (library.has(new) and "300" in (architecture or "")) else old


def _health(library: CLibrary, card: ctypes.c_uint32) -> Health:
    good = ctypes.c_bool()
    asked = library.did("EfmlGetDevHealth", card, ctypes.byref(good))
    ecc = library.record("EfmlGetDevEccStatus", card, into=EccStatus())
    rma = library.record("EfmlGetDevRmaStatus", card, into=RmaStatus())
    warnings: list[str] = []
    if ecc and ecc.double_bit:
        warnings.append(f"{ecc.double_bit} uncorrected (double-bit) memory errors.")
    if rma and rma.is_supported and rma.flags:
        warnings.append("The card asks to be returned (RMA).")
    failed = ["The driver reports the card as unhealthy."] if asked and not good.value else []
    return health(failed=failed, warnings=warnings, asked=asked)


def _links(library: CLibrary, index: int, *, places: dict[int, BusId | None]) -> tuple[Link, ...]:
    """One link per neighbour, named for the number of ports that lead there."""
    word = "GcuLare" if library.has("EfmlGetGcuLarePortNum") else "Esl"
    card, count = ctypes.c_uint32(index), ctypes.c_uint32()
    if not library.did(f"EfmlGet{word}PortNum", card, ctypes.byref(count)):
        return ()
    ports: dict[int, int] = {}
    for number in range(min(count.value, MOST_PORTS)):
        port = PortFacts()
        if not library.did(f"EfmlGet{word}PortInfo", card, ctypes.c_uint32(number), ctypes.byref(port)):
            break
        far = address(port.remote_domain_id, port.remote_bus_id, port.remote_dev_id, port.remote_func_id)
        peer = next((other for other, place in places.items() if place == far and other != index), None)
        if port.connected and peer is not None:
            ports[peer] = ports.get(peer, 0) + 1
    label = "GCU-LARE" if word == "GcuLare" else "ESL"
    return tuple(Link(peer_index=peer, kind=LinkKind.FABRIC, name=f"{label} x{ports[peer]}") for peer in sorted(ports))


def _partitioning(library: CLibrary, card: ctypes.c_uint32) -> Partitioning:
    """The slices of a vGCU; of SR-IOV only that it is on, for its functions are PCI devices of their own."""
    if not library.has("EfmlGetGcuVirtStatus"):
        return Partitioning()
    mode, count, numbers = ctypes.c_int(), ctypes.c_uint32(), (ctypes.c_uint32 * MOST_SLICES)()
    if not library.did("EfmlGetGcuVirtStatus", card, ctypes.byref(mode)) or mode.value not in MODES:
        return Partitioning()
    partitions: list[Partition] = []
    if library.did("EfmlGetVdevList", card, numbers, ctypes.byref(count)):
        for number in numbers[: min(count.value, MOST_SLICES)]:
            memory = MemoryInUse()
            if library.did("EfmlGetVdevMem", card, ctypes.c_uint32(number), ctypes.byref(memory)):
                size = int(memory.total) * MIB
                partitions.append(Partition(name=f"vGCU {number}", uuid=f"{card.value}:{number}", memory_bytes=size))
    return Partitioning(mode=MODES[mode.value], partitions=tuple(partitions))
