"""How NVIDIA cards of one node reach each other: NVLink where it is up, else the way over PCI (both from NVML)."""

import ctypes
from collections import Counter
from dataclasses import dataclass

from appliance.hardware.inventory import BusId, Link, LinkKind
from appliance.hardware.vendors.nvml import MAX_NVLINKS, NVLINK_SPEED_COMMON, P2P_NVLINK, Nvml, PciPlace
from appliance.hardware.vendors.places import address

ANCESTORS = {
    10: LinkKind.PIX,
    20: LinkKind.PXB,
    30: LinkKind.PHB,
    40: LinkKind.NODE,
    50: LinkKind.SYS,
}
"""nvmlGpuTopologyLevel_t. 0 is two chips on one board, which sit behind that board's switch: pix."""
MEGA = 1_000_000


@dataclass(frozen=True)
class Nvlinks:
    """Links that are up: to each card wired to directly, and the rest, which end in NVSwitches."""

    direct: Counter[BusId]
    switched: int
    bytes_per_second: int | None

    @property
    def up(self) -> int:
        return self.direct.total() + self.switched


def read_nvlinks(nvml: Nvml, card: ctypes.c_void_p, *, neighbours: set[BusId]) -> Nvlinks:
    direct: Counter[BusId] = Counter()
    switched = 0
    for link in range(MAX_NVLINKS):
        if nvml.c_library.number("nvmlDeviceGetNvLinkState", card, link) != 1:
            continue
        names = ("nvmlDeviceGetNvLinkRemotePciInfo_v2", "nvmlDeviceGetNvLinkRemotePciInfo")
        far = nvml.c_library.record(names, card, link, into=PciPlace())
        place = address(far.domain, far.bus, far.device) if far else None
        if place is not None and place in neighbours:
            direct[place] += 1
        else:
            switched += 1
    speed = nvml.field(card, NVLINK_SPEED_COMMON) if direct or switched else None
    return Nvlinks(direct=direct, switched=switched, bytes_per_second=speed * MEGA if speed else None)


def links_of(
    nvml: Nvml, index: int, *, handles: dict[int, ctypes.c_void_p], places: dict[int, BusId | None], nvlinks: Nvlinks
) -> tuple[Link, ...]:
    """From one card to every other that answers."""
    found: list[Link] = []
    for peer, handle in handles.items():
        if peer == index:
            continue
        count = _nvlinks_to(nvml, index, peer, handles=handles, place=places[peer], nvlinks=nvlinks)
        if count:
            speed = nvlinks.bytes_per_second
            found.append(
                Link(
                    peer_index=peer,
                    kind=LinkKind.FABRIC,
                    name=f"NV{count}",
                    bytes_per_second=speed * count if speed else None,
                )
            )
            continue
        level = nvml.c_library.number("nvmlDeviceGetTopologyCommonAncestor", handles[index], handle)
        if level is not None:
            found.append(Link(peer_index=peer, kind=ANCESTORS.get(level, LinkKind.PIX)))
    return tuple(found)


def _nvlinks_to(
    nvml: Nvml,
    index: int,
    peer: int,
    *,
    handles: dict[int, ctypes.c_void_p],
    place: BusId | None,
    nvlinks: Nvlinks,
) -> int:
    """Through NVSwitches all of a card's links lead to every peer that the driver allows it to reach by NVLink."""
    if place is not None and nvlinks.direct[place]:
        return nvlinks.direct[place]
    status = nvml.c_library.number("nvmlDeviceGetP2PStatus", handles[index], handles[peer], P2P_NVLINK)
    return nvlinks.switched if status == 0 else 0
