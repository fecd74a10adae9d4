"""The structures of efml.h, field for field; its published versions differ in words only."""

import ctypes
from typing import ClassVar

TEXT = 128


class DeviceFacts(ctypes.Structure):
    _fields_: ClassVar = [
        ("name", ctypes.c_char * TEXT),
        ("vendor_id", ctypes.c_uint32),
        ("device_id", ctypes.c_uint32),
        ("domain_id", ctypes.c_uint32),
        ("bus_id", ctypes.c_uint32),
        ("dev_id", ctypes.c_uint32),
        ("func_id", ctypes.c_uint32),
        ("logic_id", ctypes.c_uint32),
    ]


class Power(ctypes.Structure):
    _fields_: ClassVar = [("capability", ctypes.c_float), ("consumption", ctypes.c_float)]


class MemoryInUse(ctypes.Structure):
    _fields_: ClassVar = [("total", ctypes.c_uint64), ("used", ctypes.c_uint32)]


class Temperatures(ctypes.Structure):
    """The chip, then two of its memory, or in the newer call its memory and the board."""

    _fields_: ClassVar = [("chip", ctypes.c_float), ("second", ctypes.c_float), ("third", ctypes.c_float)]


class EccStatus(ctypes.Structure):
    _fields_: ClassVar = [
        ("enabled", ctypes.c_bool),
        ("pending", ctypes.c_bool),
        ("pending_blacklist", ctypes.c_bool),
        ("single_bit", ctypes.c_uint32),
        ("double_bit", ctypes.c_uint32),
    ]


class RmaStatus(ctypes.Structure):
    _fields_: ClassVar = [("is_supported", ctypes.c_bool), ("flags", ctypes.c_bool)]


class PortFacts(ctypes.Structure):
    _fields_: ClassVar = [
        ("connected", ctypes.c_uint32),
        ("uuid", ctypes.c_char * 16),
        ("vendor_id", ctypes.c_uint32),
        ("device_id", ctypes.c_uint32),
        ("domain_id", ctypes.c_uint32),
        ("bus_id", ctypes.c_uint32),
        ("dev_id", ctypes.c_uint32),
        ("func_id", ctypes.c_uint32),
        ("port_id", ctypes.c_uint32),
        ("port_type", ctypes.c_int),
        ("remote_card_id", ctypes.c_uint32),
        ("remote_uuid", ctypes.c_char * 16),
        ("remote_vendor_id", ctypes.c_uint32),
        ("remote_device_id", ctypes.c_uint32),
        ("remote_domain_id", ctypes.c_uint32),
        ("remote_bus_id", ctypes.c_uint32),
        ("remote_dev_id", ctypes.c_uint32),
        ("remote_func_id", ctypes.c_uint32),
        ("remote_port_id", ctypes.c_uint32),
        ("remote_port_type", ctypes.c_int),
    ]
