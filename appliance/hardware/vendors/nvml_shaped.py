"""Libraries that copy NVML's interface under their own names (ixml, hgml): one reader for all of them.

Signatures and layouts are those of NVML's public header (nvml.h, API reference "Device Queries"), which the vendors'
own headers and bindings repeat: Deep-Spark's go-ixml `api.h`, gpustack-runtime's `pyixml` and `pyhgml`. A handle is a
pointer, in go-ixml a structure that holds only a pointer: both are passed alike on x86-64 and arm64.
"""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass

from appliance.hardware.inventory import Health, Partition, Partitioning
from appliance.hardware.vendors.c_calls import Calls
from appliance.hardware.vendors.figures import Figures, health
from appliance.hardware.world import VendorFailed

NOT_SUPPORTED = frozenset({3, 6})
LOST = frozenset({15, 16})
"""NVML_ERROR_NOT_SUPPORTED and NOT_FOUND; NVML_ERROR_GPU_IS_LOST and RESET_REQUIRED."""

MOST_CARDS = 256
TEMPERATURE_OF_GPU = 0
UNCORRECTED, SINCE_DRIVER_START = 1, 0
MILLI = 1000
LOST_REASON = "It has fallen off the bus, or needs a reset."


class Memory(ctypes.Structure):
    """nvmlMemory_t, bytes."""

    _fields_ = [("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong)]


class Utilization(ctypes.Structure):
    """nvmlUtilization_t, percent."""

    _fields_ = [("gpu", ctypes.c_uint), ("memory", ctypes.c_uint)]


class PciPlace(ctypes.Structure):
    """nvmlPciInfo_t. Its three versions agree up to `device`; the function is always 0."""

    _fields_ = [
        ("bus_id_legacy", ctypes.c_char * 16),
        ("domain", ctypes.c_uint),
        ("bus", ctypes.c_uint),
        ("device", ctypes.c_uint),
        ("pci_device_id", ctypes.c_uint),
        ("pci_subsystem_id", ctypes.c_uint),
        ("bus_id", ctypes.c_char * 32),
    ]


Ask = Callable[[Calls, ctypes.c_void_p], Health]


@dataclass(frozen=True)
class Dialect:
    """How a library differs from NVML: its prefix, its runtime's word (`Cuda`, `Hggc`), and how it tells health."""

    prefix: str
    runtime: str
    health: Ask
    has_mig: bool = False


def read(library: ctypes.CDLL, dialect: Dialect) -> tuple[list[Figures], list[int | None], Calls]:
    """Figures, minor numbers of the device nodes, and the calls that were made. Raises VendorFailed."""
    prefix = dialect.prefix
    calls = Calls(library, unsupported=NOT_SUPPORTED, lost=LOST, versions=versions(prefix))
    start(calls, prefix)
    try:
        count = calls.number(f"{prefix}DeviceGetCount")
        if not count or count > MOST_CARDS:
            raise VendorFailed(f"The library counts {count} cards.")
        driver = calls.text(f"{prefix}SystemGetDriverVersion")
        runtime = runtime_version(calls.signed_number(f"{prefix}SystemGet{dialect.runtime}DriverVersion"))
        cards, minors = [Figures(index) for index in range(count)], list[int | None]()
        for card in cards:
            card.driver_version, card.runtime_version = driver, runtime
            minors.append(fill(card, calls, dialect))
        return cards, minors, calls
    finally:
        calls.code(f"{prefix}Shutdown")


def versions(prefix: str) -> dict[str, tuple[str, ...]]:
    """Symbols with versions; the plain ones are what older libraries have."""
    suffixes = {
        "DeviceGetCount": ("_v2", ""),
        "DeviceGetHandleByIndex": ("_v2", ""),
        "DeviceGetPciInfo": ("_v3", "_v2", ""),
    }
    return {f"{prefix}{name}": tuple(f"{prefix}{name}{one}" for one in some) for name, some in suffixes.items()}


def start(calls: Calls, prefix: str) -> None:
    """`Init_v2`, else `InitWithFlags` or the oldest. Raises VendorFailed."""
    for name, arguments in ((f"{prefix}Init_v2", ()), (f"{prefix}InitWithFlags", (ctypes.c_uint(0),))):
        code = calls.code(name, *arguments)
        if code is not None:
            if code != 0:
                raise VendorFailed(f"{name} answered {code}.")
            calls.missing.clear()
            return
    calls.must(f"{prefix}Init")
    calls.missing.clear()


def fill(card: Figures, calls: Calls, dialect: Dialect) -> int | None:
    """All that can be asked of one card; its minor number."""
    prefix = dialect.prefix
    calls.lost_now = False
    handle = calls.handle(f"{prefix}DeviceGetHandleByIndex", ctypes.c_uint(card.index))
    if handle is None:
        card.health = health(failed=[LOST_REASON if calls.lost_now else "The library does not let it be asked."])
        return None
    identify(card, handle, calls, prefix)
    measure(card, handle, calls, prefix)
    card.compute_capability = capability(calls, f"{prefix}DeviceGet{dialect.runtime}ComputeCapability", handle)
    card.health = dialect.health(calls, handle)
    if dialect.has_mig:
        card.partitioning = partitioning(calls, prefix, handle)
    minor = calls.number(f"{prefix}DeviceGetMinorNumber", handle)
    if calls.lost_now:
        card.health = health(failed=[LOST_REASON])
    return minor


def identify(card: Figures, handle: ctypes.c_void_p, calls: Calls, prefix: str) -> None:
    card.name = calls.text(f"{prefix}DeviceGetName", handle)
    card.uuid = calls.text(f"{prefix}DeviceGetUUID", handle)
    place = PciPlace()
    if calls.did(f"{prefix}DeviceGetPciInfo", handle, ctypes.byref(place)):
        card.bus_id = f"{place.domain:04x}:{place.bus:02x}:{place.device:02x}.0"


def measure(card: Figures, handle: ctypes.c_void_p, calls: Calls, prefix: str) -> None:
    memory, busy = Memory(), Utilization()
    if calls.did(f"{prefix}DeviceGetMemoryInfo", handle, ctypes.byref(memory)):
        card.memory_bytes, card.memory_used_bytes = memory.total, memory.used
    if calls.did(f"{prefix}DeviceGetUtilizationRates", handle, ctypes.byref(busy)):
        card.utilization = busy.gpu
    card.temperature_celsius = calls.number(f"{prefix}DeviceGetTemperature", handle, ctypes.c_uint(TEMPERATURE_OF_GPU))
    card.power_watts = watts(calls.number(f"{prefix}DeviceGetPowerUsage", handle))
    card.power_limit_watts = watts(calls.number(f"{prefix}DeviceGetPowerManagementDefaultLimit", handle))


def partitioning(calls: Calls, prefix: str, handle: ctypes.c_void_p) -> Partitioning:
    """MIG devices, as NVML's chapter "Multi Instance GPU Management" enumerates them."""
    now, pending = ctypes.c_uint(), ctypes.c_uint()
    if not calls.did(f"{prefix}DeviceGetMigMode", handle, ctypes.byref(now), ctypes.byref(pending)) or not now.value:
        return Partitioning()
    slots = calls.number(f"{prefix}DeviceGetMaxMigDeviceCount", handle) or 0
    found: list[Partition] = []
    for slot in range(min(slots, MOST_CARDS)):
        device = calls.handle(f"{prefix}DeviceGetMigDeviceHandleByIndex", handle, ctypes.c_uint(slot))
        uuid = calls.text(f"{prefix}DeviceGetUUID", device) if device else None
        if not uuid:
            continue
        memory = Memory()
        known = calls.did(f"{prefix}DeviceGetMemoryInfo", device, ctypes.byref(memory))
        name = calls.text(f"{prefix}DeviceGetName", device) or f"MIG {slot}"
        found.append(Partition(name=name, uuid=uuid, memory_bytes=memory.total if known else 0))
    return Partitioning(mode="mig", partitions=tuple(found))


def uncorrected_errors(calls: Calls, prefix: str, handle: ctypes.c_void_p) -> int | None:
    """nvmlDeviceGetTotalEccErrors: uncorrected ECC errors since the driver started."""
    kinds = ctypes.c_uint(UNCORRECTED), ctypes.c_uint(SINCE_DRIVER_START)
    return calls.long_number(f"{prefix}DeviceGetTotalEccErrors", handle, *kinds)


def capability(calls: Calls, name: str, handle: ctypes.c_void_p) -> str | None:
    major, minor = ctypes.c_int(), ctypes.c_int()
    return f"{major.value}.{minor.value}" if calls.did(name, handle, ctypes.byref(major), ctypes.byref(minor)) else None


def runtime_version(number: int | None) -> str | None:
    """12040 is 12.4 (nvmlSystemGetCudaDriverVersion)."""
    return f"{number // 1000}.{number % 1000 // 10}" if number and number > 0 else None


def watts(milliwatts: int | None) -> float | None:
    return None if milliwatts is None else milliwatts / MILLI
