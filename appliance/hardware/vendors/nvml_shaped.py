"""Libraries that copy NVML's interface under their own names (ixml, hgml): one reader for all of them.

Signatures and layouts are those of NVML's public header (nvml.h, API reference "Device Queries"), which the vendors'
own headers and bindings repeat: Deep-Spark's go-ixml `api.h`, gpustack-runtime's `pyixml` and `pyhgml`. A handle is a
pointer, in go-ixml a structure that holds only a pointer: both are passed alike on x86-64 and arm64.
"""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass

from appliance.hardware.inventory import Health, Partition, Partitioning
from appliance.hardware.vendors.c_library import CLibrary, Names
from appliance.hardware.vendors.health import health
from appliance.hardware.vendors.numbers import scaled
from appliance.hardware.vendors.nvml import Memory, PciPlace, Utilization, compute_capability, cuda_version
from appliance.hardware.vendors.places import address
from appliance.hardware.vendors.reading import Reading
from appliance.hardware.world import VendorFailed

NOT_SUPPORTED = frozenset({3, 6})
LOST = frozenset({15, 16})
"""NVML_ERROR_NOT_SUPPORTED and NOT_FOUND; NVML_ERROR_GPU_IS_LOST and RESET_REQUIRED."""

MOST_SLICES = 64
TEMPERATURE_OF_GPU = 0
UNCORRECTED, SINCE_DRIVER_START = 1, 0
MILLI = 1000
LOST_REASON = "It has fallen off the bus, or needs a reset."

Ask = Callable[[CLibrary, ctypes.c_void_p], Health]


@dataclass(frozen=True)
class Dialect:
    """How a library differs from NVML: file, prefix, the word for its runtime (`Cuda`, `Hggc`), how it tells health."""

    file: str
    prefix: str
    runtime: str
    health: Ask
    has_mig: bool = False

    def names(self, name: str, *versions: str) -> Names:
        """A function's symbols; those with a version are newer than the plain one."""
        return (*(f"{self.prefix}{name}{version}" for version in versions), f"{self.prefix}{name}")


def read(loaded: ctypes.CDLL, dialect: Dialect) -> tuple[list[Reading], CLibrary]:
    """The cards, and the library with what it refused. Raises VendorFailed."""
    library = CLibrary(loaded, name=dialect.file, quiet=NOT_SUPPORTED, lost=LOST)
    start(library, dialect)
    try:
        count = library.count(dialect.names("DeviceGetCount", "_v2"))
        if not count:
            raise VendorFailed("The library counts no card.")
        driver = library.text(dialect.names("SystemGetDriverVersion"))
        runtime = library.number(dialect.names(f"SystemGet{dialect.runtime}DriverVersion"), kind=ctypes.c_int)
        cards = [Reading(index, driver_version=driver, runtime_version=cuda_version(runtime)) for index in range(count)]
        for card in cards:
            fill(card, library, dialect)
        return cards, library
    finally:
        library.status(dialect.names("Shutdown"))


def start(library: CLibrary, dialect: Dialect) -> None:
    """`Init_v2`, else `InitWithFlags`, else the oldest. Raises VendorFailed."""
    flagged = f"{dialect.prefix}InitWithFlags"
    if not library.has(f"{dialect.prefix}Init_v2") and library.has(flagged):
        library.must(flagged, ctypes.c_uint(0))
    else:
        library.must(dialect.names("Init", "_v2"))


def fill(card: Reading, library: CLibrary, dialect: Dialect) -> None:
    """All that can be asked of one card."""
    library.found_lost = False
    handle = library.handle(dialect.names("DeviceGetHandleByIndex", "_v2"), ctypes.c_uint(card.index))
    if handle is None:
        card.health = health(failed=[LOST_REASON if library.found_lost else "The library does not let it be asked."])
        return
    identify(card, handle, library, dialect)
    measure(card, handle, library, dialect)
    card.health = dialect.health(library, handle)
    if dialect.has_mig:
        card.partitioning = partitioning(handle, library, dialect)
    if library.found_lost:
        card.health = health(failed=[LOST_REASON])


def identify(card: Reading, handle: ctypes.c_void_p, library: CLibrary, dialect: Dialect) -> None:
    card.name = library.text(dialect.names("DeviceGetName"), handle)
    card.uuid = library.text(dialect.names("DeviceGetUUID"), handle)
    card.minor = library.number(dialect.names("DeviceGetMinorNumber"), handle)
    names = dialect.names(f"DeviceGet{dialect.runtime}ComputeCapability")
    card.compute_capability = compute_capability(library, names, handle)
    place = library.record(dialect.names("DeviceGetPciInfo", "_v3", "_v2"), handle, into=PciPlace())
    if place:
        card.place = address(place.domain, place.bus, place.device)


def measure(card: Reading, handle: ctypes.c_void_p, library: CLibrary, dialect: Dialect) -> None:
    memory = library.record(dialect.names("DeviceGetMemoryInfo"), handle, into=Memory())
    if memory:
        card.memory_bytes, card.memory_used_bytes = memory.total, memory.used
    busy = library.record(dialect.names("DeviceGetUtilizationRates"), handle, into=Utilization())
    card.utilization = busy.gpu if busy else None
    sensor = ctypes.c_uint(TEMPERATURE_OF_GPU)
    card.temperature_celsius = library.number(dialect.names("DeviceGetTemperature"), handle, sensor)
    card.power_watts = scaled(library.number(dialect.names("DeviceGetPowerUsage"), handle), MILLI)
    limit = library.number(dialect.names("DeviceGetPowerManagementDefaultLimit"), handle)
    card.power_limit_watts = scaled(limit, MILLI)


def partitioning(handle: ctypes.c_void_p, library: CLibrary, dialect: Dialect) -> Partitioning:
    """MIG devices, as NVML's chapter "Multi Instance GPU Management" enumerates them.

    They have no selectors: T-Head, the one vendor that has these calls, publishes none for a slice.
    """
    now, pending = ctypes.c_uint(), ctypes.c_uint()
    asked = library.did(dialect.names("DeviceGetMigMode"), handle, ctypes.byref(now), ctypes.byref(pending))
    if not asked or not now.value:
        return Partitioning()
    slots = min(library.number(dialect.names("DeviceGetMaxMigDeviceCount"), handle) or 0, MOST_SLICES)
    slices = (mig_device(slot, handle, library, dialect) for slot in range(slots))
    return Partitioning(mode="mig", partitions=tuple(one for one in slices if one))


def mig_device(slot: int, handle: ctypes.c_void_p, library: CLibrary, dialect: Dialect) -> Partition | None:
    """None for a slot that is empty."""
    device = library.handle(dialect.names("DeviceGetMigDeviceHandleByIndex"), handle, ctypes.c_uint(slot))
    uuid = library.text(dialect.names("DeviceGetUUID"), device) if device else None
    if uuid is None:
        return None
    memory = library.record(dialect.names("DeviceGetMemoryInfo"), device, into=Memory())
    name = library.text(dialect.names("DeviceGetName"), device) or f"MIG {slot}"
    return Partition(name=name, uuid=uuid, memory_bytes=memory.total if memory else 0)


def uncorrected_errors(library: CLibrary, prefix: str, handle: ctypes.c_void_p) -> int | None:
    """nvmlDeviceGetTotalEccErrors: uncorrected ECC errors since the driver started."""
    kinds = ctypes.c_uint(UNCORRECTED), ctypes.c_uint(SINCE_DRIVER_START)
    return library.number(f"{prefix}DeviceGetTotalEccErrors", handle, *kinds, kind=ctypes.c_uint64)
