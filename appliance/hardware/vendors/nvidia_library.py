"""NVIDIA cards as NVML describes them.

Xids are not to be had by asking: NVML hands them out as events to whoever waits. Health is read off what they leave
behind: a lost card (Xid 79), a required reset, ECC counts (48, 94, 95), rows to remap (63, 64), the NVSwitch fabric.
"""

import ctypes
from dataclasses import dataclass

from appliance.hardware.inventory import Accelerator, BusId, Detected, Health, HealthState, Partitioning
from appliance.hardware.pci import PciDevice
from appliance.hardware.vendors import nvml as codes
from appliance.hardware.vendors.figures import Figures
from appliance.hardware.vendors.health import health
from appliance.hardware.vendors.numbers import scaled
from appliance.hardware.vendors.nvidia_names import BRAND, SYSTEM_LIBRARIES, mig_partition, selectors
from appliance.hardware.vendors.nvlink import Nvlinks, links_of, read_nvlinks
from appliance.hardware.vendors.nvml import Nvml
from appliance.hardware.vendors.places import address, numa_node
from appliance.hardware.world import World

CUDA_VERSION = ("nvmlSystemGetCudaDriverVersion_v2", "nvmlSystemGetCudaDriverVersion")
MILLI = 1000


@dataclass(frozen=True)
class Node:
    """What is the same for all cards of this node, or needs them all."""

    nvml: Nvml
    world: World
    devices: tuple[PciDevice, ...]
    handles: dict[int, ctypes.c_void_p]
    places: dict[int, BusId | None]
    nvlinks: dict[int, Nvlinks]
    driver: str | None
    runtime: str | None


def from_library(world: World) -> Detected:
    nvml = Nvml(world.shared_library(*SYSTEM_LIBRARIES))
    try:
        return _read(nvml, world)
    finally:
        nvml.close()


def _read(nvml: Nvml, world: World) -> Detected:
    answers = {index: nvml.handle(index) for index in range(nvml.count())}
    handles = {index: handle for index, (status, handle) in answers.items() if status == 0}
    devices = BRAND.cards(world)
    places = _places(nvml, handles, devices=devices, count=len(answers))
    neighbours = {place for place in places.values() if place}
    node = Node(
        nvml=nvml,
        world=world,
        devices=devices,
        handles=handles,
        places=places,
        nvlinks={i: read_nvlinks(nvml, handle, neighbours=neighbours) for i, handle in handles.items()},
        driver=nvml.c_library.text("nvmlSystemGetDriverVersion"),
        runtime=codes.cuda_version(nvml.c_library.number(CUDA_VERSION)),
    )
    figures = Figures("nvidia", tells_silence=True)
    cards = tuple(
        _card(node, index, figures) if status == 0 else _lost(node, index, status)
        for index, (status, _) in answers.items()
    )
    return Detected(accelerators=cards, source="library", problems=figures.problems)


def _places(
    nvml: Nvml, handles: dict[int, ctypes.c_void_p], *, devices: tuple[PciDevice, ...], count: int
) -> dict[int, BusId | None]:
    """NVML counts cards in the order of their PCI addresses, which is how a lost one is found."""
    ordered = sorted(device.bus_id for device in devices)
    places: dict[int, BusId | None] = {
        index: ordered[index] if len(ordered) == count else None for index in range(count)
    }
    for index, handle in handles.items():
        pci = nvml.pci(handle)
        places[index] = address(pci.domain, pci.bus, pci.device) if pci else places[index]
    return places


def _lost(node: Node, index: int, status: int | None) -> Accelerator:
    place = node.places[index]
    words = codes.WORDS.get(status or -1, f"NVML cannot reach it (status {status})")
    return Accelerator(
        family="cuda",
        vendor="nvidia",
        name="NVIDIA card that does not answer",
        index=index,
        bus_id=place,
        memory_bytes=0,
        driver_version=node.driver,
        health=Health(state=HealthState.FAILED, reasons=(f"{words[0].upper()}{words[1:]}.",)),
        numa_node=numa_node(node.devices, place),
    )


def _card(node: Node, index: int, figures: Figures) -> Accelerator:
    nvml, handle = node.nvml, node.handles[index]
    ask = nvml.c_library
    mig = nvml.mig_enabled(handle)
    uuid, minor = ask.text("nvmlDeviceGetUUID", handle), ask.number("nvmlDeviceGetMinorNumber", handle)
    busy = ask.record("nvmlDeviceGetUtilizationRates", handle, into=codes.Utilization())
    power, limit = (
        ask.number("nvmlDeviceGetPowerUsage", handle),
        ask.number("nvmlDeviceGetEnforcedPowerLimit", handle),
    )
    total, used = figures.memory(*nvml.memory(handle), card=index)
    temperature = figures.celsius(ask.number("nvmlDeviceGetTemperature", handle, 0, kind=ctypes.c_int), card=index)
    architecture = ask.number("nvmlDeviceGetArchitecture", handle)
    return Accelerator(
        family="cuda",
        vendor="nvidia",
        name=ask.text("nvmlDeviceGetName", handle) or "NVIDIA card",
        index=index,
        uuid=uuid,
        bus_id=node.places[index],
        memory_bytes=total,
        memory_used_bytes=used,
        utilization=figures.share(busy.gpu if busy else None, card=index, expected=not mig),
        temperature_celsius=temperature,
        power_watts=figures.watts(scaled(power, MILLI), card=index),
        power_limit_watts=figures.watts_limit(scaled(limit, MILLI), card=index),
        driver_version=node.driver,
        runtime_version=node.runtime,
        compute_capability=codes.compute_capability(ask, "nvmlDeviceGetCudaComputeCapability", handle),
        architecture=codes.ARCHITECTURES.get(architecture or 0),
        health=_health(node, index, temperature=temperature),
        numa_node=numa_node(node.devices, node.places[index]),
        links=links_of(nvml, index, handles=node.handles, places=node.places, nvlinks=node.nvlinks[index]),
        partitioning=_partitioning(nvml, handle) if mig else Partitioning(),
        selectors=selectors(node.world, index=index, uuid=uuid, minor=minor),
    )


def _health(node: Node, index: int, *, temperature: float | None) -> Health:
    nvml, handle = node.nvml, node.handles[index]
    failed, warnings, remarks = _memory_health(nvml, handle)
    fabric = nvml.c_library.record("nvmlDeviceGetGpuFabricInfo", handle, into=codes.FabricState())
    if fabric and fabric.state in (codes.FABRIC_NOT_STARTED, codes.FABRIC_IN_PROGRESS):
        failed.append("The NVSwitch fabric is not ready: start nvidia-fabricmanager.")
    names = ("nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetCurrentClocksThrottleReasons")
    reasons = nvml.c_library.number(names, handle, kind=ctypes.c_uint64) or 0
    warnings += [f"Throttled: {words}." for bit, words in codes.THROTTLE.items() if reasons & bit]
    slowdown = nvml.c_library.number("nvmlDeviceGetTemperatureThreshold", handle, codes.SLOWDOWN_THRESHOLD)
    if temperature and slowdown and temperature >= slowdown:
        warnings.append(f"{temperature:g} °C, and it slows down at {slowdown}.")
    most = max(links.up for links in node.nvlinks.values())
    if 0 < node.nvlinks[index].up < most:
        warnings.append(f"{node.nvlinks[index].up} NVLinks are up; another card of this node has {most}.")
    return health(failed=failed, warnings=warnings, remarks=remarks)


def _memory_health(nvml: Nvml, handle: ctypes.c_void_p) -> tuple[list[str], list[str], list[str]]:
    """Since Ampere bad rows are remapped, before that bad pages were retired (NVIDIA, GPU memory error management)."""
    failed: list[str] = []
    warnings: list[str] = []
    remarks: list[str] = []
    if uncorrected := nvml.ecc(handle, error=codes.UNCORRECTED, since=codes.SINCE_RESET):
        failed.append(f"{uncorrected} uncorrected ECC errors since the last reset: reset the card.")
    if ever := nvml.ecc(handle, error=codes.UNCORRECTED, since=codes.IN_ITS_LIFE):
        remarks.append(f"{ever} uncorrected ECC errors in its life.")
    rows = [ctypes.c_uint() for _ in range(4)]
    if nvml.c_library.status("nvmlDeviceGetRemappedRows", handle, *(ctypes.byref(row) for row in rows)) == 0:
        corrected, bad, pending, failure = (row.value for row in rows)
        if failure:
            failed.append("A row of its memory could not be remapped: have the card replaced.")
        if pending:
            warnings.append("A row of its memory waits to be remapped: reset the card.")
        if corrected or bad:
            remarks.append(f"{corrected + bad} rows of its memory were remapped.")
    if nvml.c_library.number("nvmlDeviceGetRetiredPagesPendingStatus", handle):
        warnings.append("A page of its memory waits to be retired: reset the card.")
    pages = sum(_retired_pages(nvml, handle, cause) for cause in (0, 1))
    if pages:
        remarks.append(f"{pages} pages of its memory are retired.")
    return failed, warnings, remarks


def _retired_pages(nvml: Nvml, handle: ctypes.c_void_p, cause: int) -> int:
    """Asked with no room for addresses, NVML answers INSUFFICIENT_SIZE (7) and the count."""
    count = ctypes.c_uint(0)
    status = nvml.c_library.status("nvmlDeviceGetRetiredPages", handle, cause, ctypes.byref(count), None)
    return count.value if status in (0, 7) else 0


def _partitioning(nvml: Nvml, handle: ctypes.c_void_p) -> Partitioning:
    slices = tuple(
        mig_partition(
            name=nvml.c_library.text("nvmlDeviceGetName", one) or "MIG device",
            uuid=nvml.c_library.text("nvmlDeviceGetUUID", one) or "",
            memory_bytes=nvml.memory(one)[0] or 0,
        )
        for one in nvml.mig_devices(handle)
    )
    return Partitioning(mode="mig", partitions=slices)
