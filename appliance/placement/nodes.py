"""What the planner is told of the nodes, and of what is held on them already."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from appliance.hardware.inventory import HealthState, LinkKind

CardGroups = Mapping[str, Mapping[int, tuple[tuple[int, ...], ...]]]
"""family -> size -> the sets of indices that may work together; no entry for a size: any set of that size may."""


class NodeState(StrEnum):
    READY = "ready"
    UNREACHABLE = "unreachable"
    DRAINING = "draining"


@dataclass(frozen=True)
class CardView:
    """`index` is the vendor's, as in `card_groups` and `links` (peer index to kind); `key` is unique on the node.

    `memory_bytes` is what engines may take: less than the card has where somebody else's process holds some of it.
    A slice of a card (a MIG device, a vNPU) is a card of its own with its parent's index, whose `partition_of` is the
    parent's key. The parent then takes nothing itself, and a slice works alone: a process sees one MIG device only
    (NVIDIA, Multi-Instance GPU user guide, "Device Enumeration"). Slices that may work together are no partitions
    here: leave `partition_of` empty.
    """

    index: int
    key: str
    family: str
    product: str
    memory_bytes: int
    health: HealthState = HealthState.UNKNOWN
    numa_node: int | None = None
    links: Mapping[int, LinkKind] = field(default_factory=dict[int, LinkKind])
    partition_of: str | None = None


@dataclass(frozen=True)
class NumaView:
    """`cores` are the logical CPUs that engines may be bound to: one of each physical core's threads, as a rule."""

    index: int
    cores: tuple[int, ...]


@dataclass(frozen=True)
class NodeView:
    """One node with nothing on it. `packs` are the engine packs that are installed, or that the caller would install.

    `host_memory_bytes` is the main memory that engines may take in all. `versions` are the ids of the model versions
    whose weights lie here whole. A processor among the `cards` (family `cpu`) is passed over: its cores stand for it.
    """

    node_id: str
    hostname: str
    cards: tuple[CardView, ...] = ()
    state: NodeState = NodeState.READY
    card_groups: CardGroups = field(default_factory=dict[str, Mapping[int, tuple[tuple[int, ...], ...]]])
    host_memory_bytes: int = 0
    numa_nodes: tuple[NumaView, ...] = ()
    packs: frozenset[str] = frozenset()
    versions: frozenset[str] = frozenset()
    labels: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Claim:
    """What somebody holds on a node. `cards` maps keys to bytes; unless `shared`, nobody else may use these cards."""

    node_id: str
    cards: Mapping[str, int] = field(default_factory=dict[str, int])
    host_memory_bytes: int = 0
    cores: tuple[int, ...] = ()
    shared: bool = False
