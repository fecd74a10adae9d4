"""Which Ascend chips libdcmi knows of: cards, the chips on each, and the logic ids that processes count."""

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass

from appliance.hardware.vendors.c_library import CLibrary
from appliance.hardware.world import VendorFailed

MOST_CARDS = 64
NPU = 0


@dataclass(frozen=True)
class Chip:
    card: int
    device: int
    logic_id: int


def chips_of(library: CLibrary) -> Iterator[Chip]:
    """A card has one chip (910B), two (910C) or more (310P boards), and perhaps a controller, which is none."""
    count, cards = ctypes.c_int(), (ctypes.c_int * MOST_CARDS)()
    listing = "dcmi_get_card_list" if library.has("dcmi_get_card_list") else "dcmi_get_card_num_list"
    library.must(listing, ctypes.byref(count), cards, MOST_CARDS)
    if not 0 <= count.value <= MOST_CARDS:
        raise VendorFailed(f"{listing} counts {count.value} cards.")
    for card in cards[: count.value]:
        devices = ctypes.c_int()
        if not library.did("dcmi_get_device_num_in_card", card, ctypes.byref(devices)):
            continue
        for device in range(min(devices.value, MOST_CARDS)):
            if _is_npu(library, card, device):
                yield Chip(card=card, device=device, logic_id=_logic_id(library, card, device))


def _is_npu(library: CLibrary, card: int, device: int) -> bool:
    kind = ctypes.c_int(NPU)
    if library.has("dcmi_get_device_type"):
        library.did("dcmi_get_device_type", card, device, ctypes.byref(kind))
    return kind.value == NPU


def _logic_id(library: CLibrary, card: int, device: int) -> int:
    logic_id = ctypes.c_int()
    library.must("dcmi_get_device_logic_id", ctypes.byref(logic_id), card, device)
    return logic_id.value
