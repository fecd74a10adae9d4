"""Intel GPUs as Level Zero Sysman describes them.

Power and load come as counters, which take two readings (`intel_gpu_power`).
"""

import ctypes
from dataclasses import dataclass

from appliance.hardware.inventory import Accelerator, BusId, Detected
from appliance.hardware.pci import PciDevice
from appliance.hardware.vendors import sysman as zes
from appliance.hardware.vendors.figures import Figures
from appliance.hardware.vendors.intel_gpu_health import health_of_card
from appliance.hardware.vendors.intel_gpu_names import BRAND, selectors
from appliance.hardware.vendors.intel_gpu_power import Beat, read_twice, watts_limit
from appliance.hardware.vendors.places import address, device_at, numa_node
from appliance.hardware.vendors.sysman import Sysman
from appliance.hardware.vendors.xe_link import fabric_ids, links_of
from appliance.hardware.world import VendorFailed, World

LIBRARIES = (
    "usr/lib/x86_64-linux-gnu/libze_loader.so.1",
    "usr/lib64/libze_loader.so.1",
    "libze_loader.so.1",
)


@dataclass(frozen=True)
class Node:
    sysman: Sysman
    world: World
    devices: tuple[PciDevice, ...]
    handles: tuple[ctypes.c_void_p, ...]
    places: tuple[BusId, ...]
    fabric: dict[int, int]
    beats: dict[BusId, Beat]


def from_library(world: World) -> Detected:
    sysman = Sysman(world.shared_library(*LIBRARIES))
    devices = BRAND.cards(world)
    known = {device.bus_id for device in devices}
    found = [(card, place) for card in sysman.cards() if (place := _place(sysman, card)) in known]
    if not found:
        raise VendorFailed("Level Zero lists none of the cards on the PCI bus.")
    handles = tuple(card for card, _ in found)
    node = Node(
        sysman=sysman,
        world=world,
        devices=devices,
        handles=handles,
        places=tuple(place for _, place in found),
        fabric={port: index for index, card in enumerate(handles) for port in fabric_ids(sysman, card)},
        beats=read_twice(sysman, {place: card for card, place in found}, machine=world.root),
    )
    figures = Figures("intel", tells_silence=True)
    accelerators = tuple(_card(node, index, figures) for index in range(len(handles)))
    return Detected(accelerators=accelerators, source="library", problems=figures.problems)


def _place(sysman: Sysman, card: ctypes.c_void_p) -> BusId:
    pci = sysman.ask("zesDevicePciGetProperties", card, zes.PciProperties)
    return address(pci.domain, pci.bus, pci.device, pci.function) if pci else ""


def _card(node: Node, index: int, figures: Figures) -> Accelerator:
    sysman, handle, place = node.sysman, node.handles[index], node.places[index]
    about = sysman.ask("zesDeviceGetProperties", handle, zes.DeviceProperties)
    total, used, worst = _memory(sysman, handle)
    memory, memory_used = figures.memory(total, used, card=index)
    beat = node.beats[place]
    degrees, hottest = _temperature(sysman, handle)
    temperature = figures.celsius(degrees, card=index)
    device = device_at(node.devices, place)
    return Accelerator(
        family="xpu",
        vendor="intel",
        name=(_said(about.core.name) if about else None) or BRAND.product(device, unknown="Intel GPU"),
        index=index,
        uuid=_uuid(about) if about else None,
        bus_id=place,
        memory_bytes=memory,
        memory_used_bytes=memory_used,
        utilization=figures.share(beat.percent, card=index),
        temperature_celsius=temperature,
        power_watts=figures.watts(beat.watts, card=index),
        power_limit_watts=figures.watts_limit(watts_limit(sysman, handle), card=index),
        driver_version=_said(about.driver_version) if about else None,
        health=health_of_card(sysman, handle, temperature=temperature, hottest=hottest, memory=worst),
        numa_node=numa_node(node.devices, place),
        links=links_of(sysman, handle, index=index, fabric=node.fabric),
        selectors=selectors(node.world, node.devices, index=index, place=place),
    )


def _said(text: bytes) -> str | None:
    word = text.decode(errors="replace").strip()
    return None if word.lower() in ("", "unknown") else word


def _uuid(about: zes.DeviceProperties) -> str:
    """Written from the last byte to the first, as xpu-smi does."""
    digits = bytes(about.core.uuid)[::-1].hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _memory(sysman: Sysman, card: ctypes.c_void_p) -> tuple[int | None, int | None, int]:
    """Of all modules on the card (one per tile): total and used bytes, and the worst health."""
    total = used = worst = 0
    for module in sysman.parts("zesDeviceEnumMemoryModules", card):
        known = sysman.ask("zesMemoryGetProperties", module, zes.MemoryProperties)
        state = sysman.ask("zesMemoryGetState", module, zes.MemoryState)
        if state is None or (known and known.location != zes.ON_DEVICE):
            continue
        total += (known.physical_size if known else 0) or state.size
        used += max(0, state.size - state.free)
        worst = max(worst, state.health)
    return total or None, used if total else None, worst


def _temperature(sysman: Sysman, card: ctypes.c_void_p) -> tuple[float | None, float | None]:
    """The hottest of the sensors of the whole card and of the GPU, and the least of their limits."""
    degrees: list[float] = []
    limits: list[float] = []
    for sensor in sysman.parts("zesDeviceEnumTemperatureSensors", card):
        known = sysman.ask("zesTemperatureGetProperties", sensor, zes.TemperatureProperties)
        if known is None or known.type not in (zes.GLOBAL_SENSOR, zes.GPU_SENSOR):
            continue
        value = ctypes.c_double()
        if sysman.c_library.status("zesTemperatureGetState", sensor, ctypes.byref(value)) == 0:
            degrees.append(value.value)
            limits.append(known.max_temperature)
    return max(degrees, default=None), min((limit for limit in limits if limit > 0), default=None)
