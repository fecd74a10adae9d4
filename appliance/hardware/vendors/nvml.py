"""NVML's C structures and codes, as nvml.h of CUDA 12.8 declares them, and one card's plain questions.

Plain ctypes, not the binding nvidia-ml-py: that one opens `libnvidia-ml.so.1` through a module-wide variable and keeps
its function pointers for the life of the process, so it can neither be pointed at a library nor fall back to the
unversioned symbols of an older driver.
"""

import ctypes
from collections.abc import Iterator

from appliance.hardware.vendors.c_library import CLibrary, Names

LOST = 15
RESET_REQUIRED = 16
WORDS = {
    4: "no permission to use the card",
    9: "the NVIDIA driver is not loaded",
    12: "the library of the driver was not found",
    LOST: "the card has fallen off the bus (Xid 79)",
    RESET_REQUIRED: "the card must be reset",
    18: "driver and library are of different versions: the driver was updated, so reboot or reload it",
    999: "an unknown error inside the driver",
}

CORRECTED, UNCORRECTED = 0, 1
SINCE_RESET, IN_ITS_LIFE = 0, 1
SLOWDOWN_THRESHOLD = 1
P2P_NVLINK = 2
MAX_NVLINKS = 18
NVLINK_SPEED_COMMON = 90
MIG_ENABLED = 1
FABRIC_NOT_STARTED, FABRIC_IN_PROGRESS = 1, 2
THROTTLE = {
    0x8: "the hardware slows its clocks down",
    0x40: "it is too hot: the hardware slows its clocks down",
    0x80: "the power supply asks it to slow down (power brake)",
}
"""Software's own reasons (idle, power cap, application clocks) are a card's daily life and no news."""
ARCHITECTURES = {
    2: "Kepler",
    3: "Maxwell",
    4: "Pascal",
    5: "Volta",
    6: "Turing",
    7: "Ampere",
    8: "Ada Lovelace",
    9: "Hopper",
    10: "Blackwell",
}


class Memory(ctypes.Structure):
    """nvmlMemory_t: what old drivers know; `used` counts what the driver reserves for itself."""

    _fields_ = (("total", ctypes.c_uint64), ("free", ctypes.c_uint64), ("used", ctypes.c_uint64))


class Memory2(ctypes.Structure):
    """nvmlMemory_v2_t, since driver 510."""

    _fields_ = (
        ("version", ctypes.c_uint),
        ("total", ctypes.c_uint64),
        ("reserved", ctypes.c_uint64),
        ("free", ctypes.c_uint64),
        ("used", ctypes.c_uint64),
    )


class Utilization(ctypes.Structure):
    """nvmlUtilization_t, percent."""

    _fields_ = (("gpu", ctypes.c_uint), ("memory", ctypes.c_uint))


class PciPlace(ctypes.Structure):
    """nvmlPciInfo_t of the _v3 calls; older ones fill the part up to `pci_subsystem_id` alike. The function is 0."""

    _fields_ = (
        ("bus_id_legacy", ctypes.c_char * 16),
        ("domain", ctypes.c_uint),
        ("bus", ctypes.c_uint),
        ("device", ctypes.c_uint),
        ("pci_device_id", ctypes.c_uint),
        ("pci_subsystem_id", ctypes.c_uint),
        ("bus_id", ctypes.c_char * 32),
    )


class FieldValue(ctypes.Structure):
    """nvmlFieldValue_t; the value is a union of eight bytes, of which we read the unsigned int."""

    _fields_ = (
        ("field_id", ctypes.c_uint),
        ("scope_id", ctypes.c_uint),
        ("timestamp", ctypes.c_int64),
        ("latency_microseconds", ctypes.c_int64),
        ("value_type", ctypes.c_uint),
        ("status", ctypes.c_uint),
        ("value", ctypes.c_uint64),
    )


class FabricState(ctypes.Structure):
    """nvmlGpuFabricInfo_t, since driver 525."""

    _fields_ = (
        ("cluster_uuid", ctypes.c_ubyte * 16),
        ("status", ctypes.c_uint),
        ("clique_id", ctypes.c_uint32),
        ("state", ctypes.c_ubyte),
    )


class Nvml:
    """An open NVML. Close it with `close`, as its documentation asks of whoever opened it."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self.c_library = CLibrary(library, name="libnvidia-ml.so", words=WORDS)
        self.c_library.must(("nvmlInit_v2", "nvmlInit"))

    def close(self) -> None:
        self.c_library.status("nvmlShutdown")

    def count(self) -> int:
        return self.c_library.count(("nvmlDeviceGetCount_v2", "nvmlDeviceGetCount"))

    def handle(self, index: int) -> tuple[int | None, ctypes.c_void_p]:
        """The call's status beside the handle: a lost card has a number and no handle."""
        handle = ctypes.c_void_p()
        names = ("nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetHandleByIndex")
        return self.c_library.status(names, index, ctypes.byref(handle)), handle

    def memory(self, card: ctypes.c_void_p) -> tuple[int | None, int | None]:
        """Total and used bytes; used without what the driver reserves, where the driver tells them apart."""
        newer = Memory2(version=ctypes.sizeof(Memory2) | 2 << 24)
        if self.c_library.record("nvmlDeviceGetMemoryInfo_v2", card, into=newer):
            return newer.total, newer.used
        older = self.c_library.record("nvmlDeviceGetMemoryInfo", card, into=Memory())
        return (older.total, older.used) if older else (None, None)

    def pci(self, card: ctypes.c_void_p) -> PciPlace | None:
        names = ("nvmlDeviceGetPciInfo_v3", "nvmlDeviceGetPciInfo_v2", "nvmlDeviceGetPciInfo")
        return self.c_library.record(names, card, into=PciPlace())

    def ecc(self, card: ctypes.c_void_p, *, error: int, since: int) -> int | None:
        """None where ECC is off or there is none."""
        return self.c_library.number("nvmlDeviceGetTotalEccErrors", card, error, since, kind=ctypes.c_uint64)

    def field(self, card: ctypes.c_void_p, field_id: int) -> int | None:
        value = FieldValue(field_id=field_id)
        if self.c_library.status("nvmlDeviceGetFieldValues", card, 1, ctypes.byref(value)) != 0 or value.status != 0:
            return None
        return int(value.value) & 0xFFFFFFFF

    def mig_enabled(self, card: ctypes.c_void_p) -> bool:
        current, pending = ctypes.c_uint(), ctypes.c_uint()
        status = self.c_library.status("nvmlDeviceGetMigMode", card, ctypes.byref(current), ctypes.byref(pending))
        return status == 0 and current.value == MIG_ENABLED

    def mig_devices(self, card: ctypes.c_void_p) -> Iterator[ctypes.c_void_p]:
        """The slices that there are; a slot may be empty."""
        for index in range(self.c_library.number("nvmlDeviceGetMaxMigDeviceCount", card) or 0):
            handle = ctypes.c_void_p()
            if self.c_library.status("nvmlDeviceGetMigDeviceHandleByIndex", card, index, ctypes.byref(handle)) == 0:
                yield handle


def compute_capability(library: CLibrary, names: Names, card: ctypes.c_void_p) -> str | None:
    major, minor = ctypes.c_int(), ctypes.c_int()
    told = library.did(names, card, ctypes.byref(major), ctypes.byref(minor))
    return f"{major.value}.{minor.value}" if told else None


def cuda_version(number: int | None) -> str | None:
    """12080 is 12.8 (nvmlSystemGetCudaDriverVersion)."""
    return f"{number // 1000}.{number % 1000 // 10}" if number and number > 0 else None
