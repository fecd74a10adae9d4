"""The structures of cndev.h, interface version 6 (Cambricon/mlu-exporter, Apache 2.0), field for field."""

from ctypes import (
    Structure,
    c_bool,
    c_char,
    c_float,
    c_int,
    c_int32,
    c_int64,
    c_uint8,
    c_uint16,
    c_uint32,
    c_uint64,
)
from typing import ClassVar

VERSION = 6
"""CNDEV_VERSION_6: what a structure that has a version is filled in with before it is passed."""


class CardCount(Structure):
    _fields_: ClassVar = [("version", c_int32), ("number", c_uint32)]


class Uuid(Structure):
    _fields_: ClassVar = [("version", c_int32), ("uuid", c_uint8 * 37), ("ncs_uuid", c_uint64)]


class MemoryV2(Structure):
    """In MB, which to Cambricon means MiB."""

    _fields_: ClassVar = [
        ("physical_total", c_int64),
        ("physical_used", c_int64),
        ("reserved_memory", c_int64),
        ("virtual_total", c_int64),
        ("virtual_used", c_int64),
        ("global_memory", c_uint64),
        ("reserved", c_uint64 * 16),
    ]


class Versions(Structure):
    _fields_: ClassVar = [
        ("version", c_int32),
        ("mcu_major", c_uint32),
        ("mcu_minor", c_uint32),
        ("mcu_build", c_uint32),
        ("driver_major", c_uint32),
        ("driver_minor", c_uint32),
        ("driver_build", c_uint32),
    ]


class Power(Structure):
    """In watts."""

    _fields_: ClassVar = [
        ("usage", c_int32),
        ("cap", c_int32),
        ("machine", c_int32),
        ("tdp", c_int32),
        ("max_power", c_int32),
        ("reserved", c_int32 * 16),
    ]


class Temperatures(Structure):
    _fields_: ClassVar = [
        ("version", c_int32),
        ("board", c_int32),
        ("cluster", c_int32 * 20),
        ("memory_die", c_int32 * 8),
        ("chip", c_int32),
        ("air_inlet", c_int32),
        ("air_outlet", c_int32),
        ("memory", c_int32),
        ("video_input", c_int32),
        ("cpu", c_int32),
        ("isp", c_int32),
    ]


class Utilization(Structure):
    _fields_: ClassVar = [("version", c_int32), ("average", c_int32), ("cores", c_int32 * 80)]


class PcieV2(Structure):
    _fields_: ClassVar = [
        ("subsystem_id", c_uint32),
        ("device_id", c_uint32),
        ("vendor", c_uint16),
        ("subsystem_vendor", c_uint16),
        ("domain", c_uint32),
        ("bus", c_uint32),
        ("device", c_uint32),
        ("function", c_uint32),
        ("module_id", c_uint16),
        ("slot_id", c_uint16),
        ("reserved", c_uint32 * 8),
    ]


class Mode(Structure):
    """cndevMimMode_t and cndevSMLUMode_t: 1 is on."""

    _fields_: ClassVar = [("version", c_int32), ("mode", c_int)]


class Incident(Structure):
    _fields_: ClassVar = [
        ("system", c_int),
        ("health", c_int),
        ("message", c_char * 512),
        ("device_id", c_uint32),
        ("bdf", c_uint32),
        ("code", c_int),
        ("category", c_uint32),
        ("severity", c_uint32),
    ]


class HealthV2(Structure):
    _fields_: ClassVar = [
        ("health", c_int32),
        ("device_state", c_int),
        ("driver_state", c_int),
        ("overall", c_int),
        ("incident_count", c_uint32),
        ("incidents", Incident * 64),
        ("reserved", c_uint32 * 8),
    ]


class Health(Structure):
    _fields_: ClassVar = [
        ("version", c_int32),
        ("health", c_int32),
        ("device_state", c_int),
        ("driver_state", c_int),
    ]


class EccCounter(Structure):
    _fields_: ClassVar = [
        ("version", c_int32),
        ("volatile_sram_corrected", c_uint32),
        ("volatile_sram_uncorrected", c_uint32),
        ("volatile_sram_parity", c_uint32),
        ("volatile_dram_corrected", c_uint32),
        ("volatile_dram_uncorrected", c_uint32),
        ("dram_corrected", c_uint64),
        ("dram_uncorrected", c_uint64),
        ("sram_corrected", c_uint64),
        ("sram_uncorrected", c_uint64),
        ("sram_parity", c_uint64),
        ("threshold_exceeded", c_bool),
        ("reserved", c_uint64 * 11),
    ]


class LinkStatusV2(Structure):
    _fields_: ClassVar = [
        ("mac", c_int),
        ("serdes", c_int),
        ("presence", c_int),
        ("serdes_progress", c_uint32),
        ("reserved", c_uint32 * 7),
    ]


class LinkRemote(Structure):
    _fields_: ClassVar = [
        ("version", c_int32),
        ("mc_serial", c_uint64),
        ("board_serial", c_uint64),
        ("slot_id", c_uint32),
        ("port_id", c_uint32),
        ("address", c_uint8 * 16),
        ("uuid", c_uint8 * 37),
        ("address_version", c_uint32),
        ("is_address_valid", c_uint32),
        ("connect_type", c_int32),
        ("ncs_uuid", c_uint64),
        ("mac_address", c_uint8 * 6),
        ("port_name", c_char * 256),
    ]


class LinkSpeed(Structure):
    """In GB/s."""

    _fields_: ClassVar = [("version", c_int32), ("speed", c_float), ("format", c_int)]


class Placement(Structure):
    _fields_: ClassVar = [("version", c_int32), ("start", c_int32), ("size", c_int32)]


class MimInstance(Structure):
    """`memory_size` is in MB."""

    _fields_: ClassVar = [
        ("version", c_int32),
        ("parent", c_int32),
        ("instance_id", c_int32),
        ("profile_id", c_int32),
        ("uuid", c_uint8 * 37),
        ("domain", c_int32),
        ("bus", c_int32),
        ("device", c_int32),
        ("function", c_int32),
        ("placement", Placement),
        ("mlu_cores", c_int32),
        ("vpus", c_int32),
        ("jpus", c_int32),
        ("gdmas", c_int32),
        ("memory_size", c_int32),
        ("profile_name", c_char * 100),
        ("node", c_char * 100),
        ("ipcm_node", c_char * 100),
        ("instance_name", c_char * 100),
        ("reserved", c_uint32 * 128),
    ]


class SmluInstance(Structure):
    """`memory_size` is in bytes: the most that it may use, then what it uses."""

    _fields_: ClassVar = [
        ("version", c_int32),
        ("profile_id", c_int32),
        ("instance_id", c_int32),
        ("uuid", c_uint8 * 37),
        ("domain", c_int32),
        ("bus", c_int32),
        ("device", c_int32),
        ("function", c_int32),
        ("profile_name", c_char * 100),
        ("instance_name", c_char * 100),
        ("node", c_char * 100),
        ("quota", c_uint32 * 2),
        ("memory_size", c_uint64 * 2),
        ("reserved", c_uint32 * 128),
    ]
