"""How near two cards are to each other, read off the PCI tree in /sys (kernel: sysfs-bus-pci).

The words are those of `nvidia-smi topo -m`: PIX at most one PCI switch between them, PXB several, PHB the host bridge,
NODE several host bridges of one NUMA node, SYS across NUMA nodes. A vendor's own link between two cards wins.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from appliance.hardware.inventory import Accelerator, Link, LinkKind
from appliance.hardware.pci import DEVICES, read_numa_node

HOST_BRIDGE = "pci"
"""Folders of host bridges are called `pci0000:16`; all below them are named by their PCI address."""


@dataclass(frozen=True)
class Position:
    """Where a device hangs: its host bridge, then port by port down to the device itself."""

    host_bridge: tuple[str, ...]
    way: tuple[str, ...]
    numa_node: int | None


def with_links(cards: Sequence[Accelerator], *, root: Path) -> tuple[Accelerator, ...]:
    """The cards of one vendor with a link to each other card of theirs whose place on the bus is known."""
    positions = [position(card, root=root) for card in cards]
    return tuple(
        replace(
            card,
            numa_node=card.numa_node if at is None or card.numa_node is not None else at.numa_node,
            links=_links(card, at, [(p.index, place) for p, place in zip(cards, positions, strict=True)]),
        )
        for card, at in zip(cards, positions, strict=True)
    )


def position(card: Accelerator, *, root: Path) -> Position | None:
    """None where the card has no address, or the kernel shows no such device."""
    if card.bus_id is None:
        return None
    entry = root / DEVICES / card.bus_id
    if not entry.exists():
        return None
    parts = entry.resolve().parts
    bridges = [place for place, part in enumerate(parts) if part.startswith(HOST_BRIDGE) and ":" in part]
    below = bridges[-1] + 1 if bridges else len(parts) - 1
    numa_node = card.numa_node if card.numa_node is not None else read_numa_node(entry)
    return Position(host_bridge=parts[:below], way=parts[below:], numa_node=numa_node)


def kind_between(one: Position, other: Position) -> LinkKind:
    """A switch is an upstream port with downstream ports below it: behind one switch, only these ports differ."""
    if one.host_bridge != other.host_bridge:
        return LinkKind.NODE if one.numa_node == other.numa_node else LinkKind.SYS
    shared = 0
    for mine, theirs in zip(one.way, other.way, strict=False):
        if mine != theirs:
            break
        shared += 1
    if shared == 0:
        return LinkKind.PHB
    ports = max(len(one.way), len(other.way)) - 1 - shared
    return LinkKind.PIX if ports <= 1 else LinkKind.PXB


def _links(card: Accelerator, at: Position | None, peers: Sequence[tuple[int, Position | None]]) -> tuple[Link, ...]:
    """The vendor's word for a peer where it has one, the bus's for the others."""
    links = {link.peer_index: link for link in card.links}
    for index, place in peers:
        if index != card.index and index not in links and at and place:
            links[index] = Link(peer_index=index, kind=kind_between(at, place))
    return tuple(links[index] for index in sorted(links))
