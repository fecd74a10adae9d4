"""The structures of dcmi_interface_api.h (Ascend's mind-cluster and driver repositories), field for field."""

from ctypes import Structure, c_char, c_float, c_int, c_ubyte, c_uint, c_ulong, c_ulonglong, c_ushort
from typing import ClassVar


class ChipIdentity(Structure):
    _fields_: ClassVar = [
        ("chip_type", c_ubyte * 32),
        ("chip_name", c_ubyte * 32),
        ("chip_ver", c_ubyte * 32),
        ("aicore_cnt", c_uint),
    ]


class ChipIdentityV2(Structure):
    _fields_: ClassVar = [
        ("chip_type", c_ubyte * 32),
        ("chip_name", c_ubyte * 32),
        ("chip_ver", c_ubyte * 32),
        ("aicore_cnt", c_uint),
        ("npu_name", c_ubyte * 32),
    ]


class PciePlace(Structure):
    _fields_: ClassVar = [
        ("venderid", c_uint),
        ("subvenderid", c_uint),
        ("deviceid", c_uint),
        ("subdeviceid", c_uint),
        ("domain", c_int),
        ("bdf_busid", c_uint),
        ("bdf_deviceid", c_uint),
        ("bdf_funcid", c_uint),
        ("reserve", c_ubyte * 32),
    ]


class DieId(Structure):
    _fields_: ClassVar = [("soc_die", c_uint * 5)]


class HbmInUse(Structure):
    _fields_: ClassVar = [
        ("memory_size", c_ulonglong),
        ("freq", c_uint),
        ("memory_usage", c_ulonglong),
        ("temp", c_int),
        ("bandwith_util_rate", c_uint),
    ]


class MemoryInUseV3(Structure):
    _fields_: ClassVar = [
        ("memory_size", c_ulonglong),
        ("memory_available", c_ulonglong),
        ("freq", c_uint),
        ("hugepagesize", c_ulong),
        ("hugepages_total", c_ulong),
        ("hugepages_free", c_ulong),
        ("utiliza", c_uint),
        ("reserve", c_ubyte * 60),
    ]


class EccCounts(Structure):
    _fields_: ClassVar = [
        ("enable_flag", c_int),
        ("single_bit_error_cnt", c_uint),
        ("double_bit_error_cnt", c_uint),
        ("total_single_bit_error_cnt", c_uint),
        ("total_double_bit_error_cnt", c_uint),
        ("single_bit_isolated_pages_cnt", c_uint),
        ("double_bit_isolated_pages_cnt", c_uint),
        ("single_bit_next_isolated_pages_cnt", c_uint),
        ("double_bit_next_isolated_pages_cnt", c_uint),
    ]


class BaseResource(Structure):
    _fields_: ClassVar = [
        ("token", c_ulonglong),
        ("token_max", c_ulonglong),
        ("task_timeout", c_ulonglong),
        ("vfg_id", c_uint),
        ("vip_mode", c_ubyte),
        ("reserved", c_ubyte * 31),
    ]


class ComputingResource(Structure):
    """`memory_size` is in MB."""

    _fields_: ClassVar = [
        ("aic", c_float),
        ("aiv", c_float),
        ("dsa", c_ushort),
        ("rtsq", c_ushort),
        ("acsq", c_ushort),
        ("cdqm", c_ushort),
        ("c_core", c_ushort),
        ("ffts", c_ushort),
        ("sdma", c_ushort),
        ("pcie_dma", c_ushort),
        ("memory_size", c_ulonglong),
        ("event_id", c_uint),
        ("notify_id", c_uint),
        ("stream_id", c_uint),
        ("model_id", c_uint),
        ("topic_schedule_aicpu", c_ushort),
        ("host_ctrl_cpu", c_ushort),
        ("host_aicpu", c_ushort),
        ("device_aicpu", c_ushort),
        ("topic_ctrl_cpu_slot", c_ushort),
        ("vdev_aicore_utilization", c_uint),
        ("vdev_memory_total", c_ulonglong),
        ("vdev_memory_free", c_ulonglong),
        ("reserved", c_ubyte * 12),
    ]


class MediaResource(Structure):
    _fields_: ClassVar = [
        ("jpegd", c_float),
        ("jpege", c_float),
        ("vpc", c_float),
        ("vdec", c_float),
        ("pngd", c_float),
        ("venc", c_float),
        ("reserved", c_ubyte * 32),
    ]


class SocTotalResource(Structure):
    _fields_: ClassVar = [
        ("vdev_num", c_uint),
        ("vdev_id", c_uint * 32),
        ("vfg_num", c_uint),
        ("vfg_bitmap", c_uint),
        ("base", BaseResource),
        ("computing", ComputingResource),
        ("media", MediaResource),
    ]


class VdevQueried(Structure):
    _fields_: ClassVar = [
        ("name", c_char * 16),
        ("status", c_uint),
        ("is_container_used", c_uint),
        ("vfid", c_uint),
        ("vfg_id", c_uint),
        ("container_id", c_ulonglong),
        ("base", BaseResource),
        ("computing", ComputingResource),
        ("media", MediaResource),
    ]


class VdevQuery(Structure):
    """`vdev_id` is filled in by the caller."""

    _fields_: ClassVar = [("vdev_id", c_uint), ("query", VdevQueried)]
