"""How an MLU is cut up, as libcndev tells of it: MIM (cores and memory of its own) or sMLU (shares of both)."""

import ctypes

from appliance.hardware.inventory import Partition, Partitioning
from appliance.hardware.vendors import cambricon_structures as cndev
from appliance.hardware.vendors.c_library import CLibrary, text_of
from appliance.hardware.vendors.cambricon_names import slice_selectors
from appliance.hardware.vendors.numbers import MIB

MOST_MIM, MOST_SMLU = 16, 128


def partitioning_of(library: CLibrary, device: int, *, index: int) -> Partitioning:
    if _is_on(library, "cndevGetMimMode", device):
        return Partitioning(mode="MIM", partitions=_mim(library, device, index))
    if _is_on(library, "cndevGetSMLUMode", device):
        return Partitioning(mode="sMLU", partitions=_smlu(library, device, index))
    return Partitioning()


def _is_on(library: CLibrary, symbol: str, device: int) -> bool:
    """Older libraries have neither, which is no fault."""
    said = cndev.Mode(version=cndev.VERSION)
    return library.has(symbol) and library.did(symbol, ctypes.byref(said), device) and said.mode == 1


def _mim(library: CLibrary, device: int, index: int) -> tuple[Partition, ...]:
    count, slices = ctypes.c_int(MOST_MIM), (cndev.MimInstance * MOST_MIM)()
    slices[0].version = cndev.VERSION
    if not library.did("cndevGetAllMluInstanceInfo", ctypes.byref(count), slices, device):
        return ()
    return tuple(
        Partition(
            name=text_of(one.profile_name) or f"MIM {one.instance_id}",
            uuid=text_of(bytes(one.uuid)) or f"{device}:{one.instance_id}",
            memory_bytes=max(one.memory_size, 0) * MIB,
            selectors=slice_selectors(index, node=text_of(one.node), ipcm_node=text_of(one.ipcm_node)),
        )
        for one in slices[: max(0, min(count.value, MOST_MIM))]
    )


def _smlu(library: CLibrary, device: int, index: int) -> tuple[Partition, ...]:
    count, slices = ctypes.c_int(MOST_SMLU), (cndev.SmluInstance * MOST_SMLU)()
    slices[0].version = cndev.VERSION
    if not library.did("cndevGetAllSMluInstanceInfo", ctypes.byref(count), slices, device):
        return ()
    return tuple(
        Partition(
            name=text_of(one.profile_name) or f"sMLU {one.instance_id}",
            uuid=text_of(bytes(one.uuid)) or f"{device}:{one.instance_id}",
            memory_bytes=one.memory_size[0],
            selectors=slice_selectors(index, node=text_of(one.node), ipcm_node=None),
        )
        for one in slices[: max(0, min(count.value, MOST_SMLU))]
    )
