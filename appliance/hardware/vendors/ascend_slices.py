"""How an Ascend chip is cut up into vNPUs, as libdcmi tells of it."""

import ctypes

from appliance.hardware.inventory import Partition, Partitioning
from appliance.hardware.vendors import ascend_structures as dcmi
from appliance.hardware.vendors.ascend_chips import Chip
from appliance.hardware.vendors.ascend_names import vnpu_selectors
from appliance.hardware.vendors.c_library import CLibrary, text_of
from appliance.hardware.vendors.numbers import MIB

VDEV, VDEV_ONE, VDEV_ALL = 52, 0, 1


def partitioning_of(library: CLibrary, chip: Chip, *, generation: str) -> Partitioning:
    """vNPUs, which only root may ask for."""
    every = dcmi.SocTotalResource()
    if not _ask_virtual(library, chip, VDEV_ALL, every) or not every.vdev_num:
        return Partitioning()
    partitions: list[Partition] = []
    for number in every.vdev_id[: min(every.vdev_num, len(every.vdev_id))]:
        one = dcmi.VdevQuery(vdev_id=number)
        if _ask_virtual(library, chip, VDEV_ONE, one):
            name = text_of(bytes(one.query.name)) or f"vNPU {number}"
            memory = int(one.query.computing.memory_size) * MIB
            chosen = vnpu_selectors(number, generation=generation, template=name)
            partitions.append(Partition(name=name, uuid=f"vdavinci{number}", memory_bytes=memory, selectors=chosen))
    return Partitioning(mode="vNPU", partitions=tuple(partitions))


def _ask_virtual(library: CLibrary, chip: Chip, command: int, answer: ctypes.Structure) -> bool:
    size = ctypes.c_uint(ctypes.sizeof(answer))
    return library.did(
        "dcmi_get_device_info", chip.card, chip.device, VDEV, command, ctypes.byref(answer), ctypes.byref(size)
    )
