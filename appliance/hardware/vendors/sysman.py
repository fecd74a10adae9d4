"""Level Zero Sysman's structures and codes, as zes_api.h of oneapi-src/level-zero 1.20 declares them, and its handles.

Plain ctypes, not Intel's binding pyzes: it opens one fixed path while it is being imported.
"""

import ctypes
from typing import ClassVar, TypeVar

from appliance.hardware.vendors.c_library import CLibrary

LOST = 0x70000001
WORDS = {
    LOST: "the card is lost",
    0x70000006: "the card must be reset",
    0x70010000: "no permission: the user must be in the group render",
    0x70020000: "something it depends on is missing (the GPU's user-mode driver, or sysfs)",
    0x78000001: "no driver answers: is Intel's compute runtime (libze-intel-gpu1) installed?",
    0x78000003: "not supported",
}

ON_DEVICE = 1
GLOBAL_SENSOR, GPU_SENSOR = 0, 1
ALL_ENGINES, ALL_COMPUTE = 0, 1
UNCORRECTABLE = 1
RESETS, HARDWARE_ERRORS = 0, (3, 4, 5)
"""Places in zes_ras_state_t.category: resets; compute, other and cache errors."""
WEDGED, REPAIR = 0x1, 0x2
HEALTHY, DEGRADED, FAILED = 1, 2, 3
MEMORY_DEGRADED, MEMORY_CRITICAL, MEMORY_REPLACE = 2, 3, 4
THROTTLE = {0x8: "its temperature", 0x10: "its power supply", 0x100: "its temperature"}

MOST_PARTS = 4096
HEAD = (("stype", ctypes.c_uint32), ("next", ctypes.c_void_p))


class Typed(ctypes.Structure):
    """Sysman's structures say first which they are (zes_structure_type_t)."""

    STYPE: ClassVar[int]


Asked = TypeVar("Asked", bound=Typed)


class CoreProperties(ctypes.Structure):
    """ze_device_properties_t"""

    _fields_ = (
        *HEAD,
        ("type", ctypes.c_uint32),
        ("vendor_id", ctypes.c_uint32),
        ("device_id", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("subdevice_id", ctypes.c_uint32),
        ("core_clock_rate", ctypes.c_uint32),
        ("max_mem_alloc_size", ctypes.c_uint64),
        ("counts", ctypes.c_uint32 * 7),
        ("timer_resolution", ctypes.c_uint64),
        ("timestamp_valid_bits", ctypes.c_uint32),
        ("kernel_timestamp_valid_bits", ctypes.c_uint32),
        ("uuid", ctypes.c_ubyte * 16),
        ("name", ctypes.c_char * 256),
    )


class DeviceProperties(Typed):
    """zes_device_properties_t"""

    STYPE = 0x1
    _fields_ = (
        *HEAD,
        ("core", CoreProperties),
        ("subdevices", ctypes.c_uint32),
        ("serial_number", ctypes.c_char * 64),
        ("board_number", ctypes.c_char * 64),
        ("brand_name", ctypes.c_char * 64),
        ("model_name", ctypes.c_char * 64),
        ("vendor_name", ctypes.c_char * 64),
        ("driver_version", ctypes.c_char * 64),
    )


class PciProperties(Typed):
    """zes_pci_properties_t"""

    STYPE = 0x2
    _fields_ = (
        *HEAD,
        ("domain", ctypes.c_uint32),
        ("bus", ctypes.c_uint32),
        ("device", ctypes.c_uint32),
        ("function", ctypes.c_uint32),
        ("generation", ctypes.c_int32),
        ("width", ctypes.c_int32),
        ("max_bandwidth", ctypes.c_int64),
        ("has_counters", ctypes.c_uint8 * 3),
    )


class DeviceState(Typed):
    """zes_device_state_t"""

    STYPE = 0x15
    _fields_ = (*HEAD, ("reset", ctypes.c_uint32), ("repaired", ctypes.c_uint32))


class MemoryProperties(Typed):
    """zes_mem_properties_t"""

    STYPE = 0xB
    _fields_ = (
        *HEAD,
        ("type", ctypes.c_uint32),
        ("on_subdevice", ctypes.c_uint8),
        ("subdevice_id", ctypes.c_uint32),
        ("location", ctypes.c_uint32),
        ("physical_size", ctypes.c_uint64),
        ("bus_width", ctypes.c_int32),
        ("channels", ctypes.c_int32),
    )


class MemoryState(Typed):
    """zes_mem_state_t"""

    STYPE = 0x1E
    _fields_ = (*HEAD, ("health", ctypes.c_uint32), ("free", ctypes.c_uint64), ("size", ctypes.c_uint64))


class PowerProperties(Typed):
    """zes_power_properties_t, limits in milliwatts"""

    STYPE = 0xD
    _fields_ = (
        *HEAD,
        ("on_subdevice", ctypes.c_uint8),
        ("subdevice_id", ctypes.c_uint32),
        ("can_control", ctypes.c_uint8),
        ("has_threshold", ctypes.c_uint8),
        ("default_limit", ctypes.c_int32),
        ("min_limit", ctypes.c_int32),
        ("max_limit", ctypes.c_int32),
    )


class SustainedLimit(ctypes.Structure):
    """zes_power_sustained_limit_t, milliwatts and milliseconds"""

    _fields_ = (("enabled", ctypes.c_uint8), ("power", ctypes.c_int32), ("interval", ctypes.c_int32))


class Counter(ctypes.Structure):
    """zes_power_energy_counter_t (microjoules) and zes_engine_stats_t (microseconds) alike, at a microsecond."""

    _fields_ = (("value", ctypes.c_uint64), ("timestamp", ctypes.c_uint64))


class EngineProperties(Typed):
    """zes_engine_properties_t"""

    STYPE = 0x5
    _fields_ = (
        *HEAD,
        ("type", ctypes.c_uint32),
        ("on_subdevice", ctypes.c_uint8),
        ("subdevice_id", ctypes.c_uint32),
    )


class TemperatureProperties(Typed):
    """zes_temp_properties_t"""

    STYPE = 0x14
    _fields_ = (
        *HEAD,
        ("type", ctypes.c_uint32),
        ("on_subdevice", ctypes.c_uint8),
        ("subdevice_id", ctypes.c_uint32),
        ("max_temperature", ctypes.c_double),
        ("supports", ctypes.c_uint8 * 3),
    )


class FrequencyState(Typed):
    """zes_freq_state_t"""

    STYPE = 0x1B
    _fields_ = (*HEAD, ("figures", ctypes.c_double * 5), ("throttle_reasons", ctypes.c_uint32))


class RasProperties(Typed):
    """zes_ras_properties_t"""

    STYPE = 0xF
    _fields_ = (
        *HEAD,
        ("type", ctypes.c_uint32),
        ("on_subdevice", ctypes.c_uint8),
        ("subdevice_id", ctypes.c_uint32),
    )


class RasState(Typed):
    """zes_ras_state_t"""

    STYPE = 0x22
    _fields_ = (*HEAD, ("category", ctypes.c_uint64 * 7))


class PortId(ctypes.Structure):
    """zes_fabric_port_id_t; the fabric id is the card's."""

    _fields_ = (("fabric_id", ctypes.c_uint32), ("attach_id", ctypes.c_uint32), ("port_number", ctypes.c_uint8))


class PortSpeed(ctypes.Structure):
    """zes_fabric_port_speed_t, bits per second of all lanes; -1 where it is not known"""

    _fields_ = (("bit_rate", ctypes.c_int64), ("width", ctypes.c_int32))


class PortProperties(Typed):
    """zes_fabric_port_properties_t"""

    STYPE = 0x6
    _fields_ = (
        *HEAD,
        ("model", ctypes.c_char * 256),
        ("on_subdevice", ctypes.c_uint8),
        ("subdevice_id", ctypes.c_uint32),
        ("port_id", PortId),
        ("max_rx_speed", PortSpeed),
        ("max_tx_speed", PortSpeed),
    )


class PortState(Typed):
    """zes_fabric_port_state_t"""

    STYPE = 0x19
    _fields_ = (
        *HEAD,
        ("status", ctypes.c_uint32),
        ("quality_issues", ctypes.c_uint32),
        ("failure_reasons", ctypes.c_uint32),
        ("remote_port_id", PortId),
        ("rx_speed", PortSpeed),
        ("tx_speed", PortSpeed),
    )


class Sysman:
    """Sysman once started: its cards, and the parts of a card."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self.c_library = CLibrary(library, name="libze_loader.so.1", words=WORDS)
        self.c_library.must("zesInit", 0)

    def cards(self) -> tuple[ctypes.c_void_p, ...]:
        drivers = self.parts("zesDriverGet")
        return tuple(card for driver in drivers for card in self.parts("zesDeviceGet", driver))

    def ask(self, name: str, part: ctypes.c_void_p, kind: type[Asked]) -> Asked | None:
        """None where the card, its driver or the library does not answer this."""
        return self.c_library.record(name, part, into=kind(stype=kind.STYPE))

    def parts(self, name: str, *parent: ctypes.c_void_p) -> tuple[ctypes.c_void_p, ...]:
        """Asked twice, as the specification has it: how many there are, then their handles. None where unsupported."""
        count = ctypes.c_uint32(0)
        if self.c_library.status(name, *parent, ctypes.byref(count), None) != 0 or not 0 < count.value <= MOST_PARTS:
            return ()
        handles = (ctypes.c_void_p * count.value)()
        if self.c_library.status(name, *parent, ctypes.byref(count), handles) != 0:
            return ()
        return tuple(ctypes.c_void_p(handle) for handle in handles[: count.value])
