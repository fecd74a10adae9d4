"""Xe Link: the ports of an Intel GPU (Max series) and where they lead."""

import ctypes
from collections import Counter

from appliance.hardware.inventory import Link, LinkKind
from appliance.hardware.vendors import sysman as zes
from appliance.hardware.vendors.sysman import Sysman

BITS = 8


def read_ports(sysman: Sysman, card: ctypes.c_void_p) -> list[tuple[zes.PortProperties, zes.PortState]]:
    found: list[tuple[zes.PortProperties, zes.PortState]] = []
    for port in sysman.parts("zesDeviceEnumFabricPorts", card):
        known = sysman.ask("zesFabricPortGetProperties", port, zes.PortProperties)
        state = sysman.ask("zesFabricPortGetState", port, zes.PortState)
        if known and state:
            found.append((known, state))
    return found


def fabric_ids(sysman: Sysman, card: ctypes.c_void_p) -> set[int]:
    return {known.port_id.fabric_id for known, _ in read_ports(sysman, card)}


def links_of(sysman: Sysman, card: ctypes.c_void_p, *, index: int, fabric: dict[int, int]) -> tuple[Link, ...]:
    """A healthy port names the fabric id of the card at its other end; tiles of one card are linked too.

    `fabric` is each fabric id's card.
    """
    lanes: Counter[int] = Counter()
    rates: Counter[int] = Counter()
    for _, state in read_ports(sysman, card):
        peer = fabric.get(state.remote_port_id.fabric_id)
        if state.status in (zes.HEALTHY, zes.DEGRADED) and peer is not None and peer != index:
            lanes[peer] += 1
            rates[peer] += max(0, state.tx_speed.bit_rate)
    return tuple(
        Link(peer_index=peer, kind=LinkKind.FABRIC, name=f"XL{count}", bytes_per_second=rates[peer] // BITS or None)
        for peer, count in sorted(lanes.items())
    )
