"""What equal nodes have in common, worked out once: kinds of cards, allowed groups, links, cores. Cards by position.

A fleet of a thousand nodes has a handful of shapes, so nothing here depends on a node's id, its labels, its weights or
its exact main memory, which all differ among nodes that are otherwise the same.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from appliance.hardware.inventory import HealthState
from appliance.placement.bits import from_bits, to_bits
from appliance.placement.layouts import CPU
from appliance.placement.nodes import CardView, NodeView
from appliance.placement.scores import DISTANCES, FARTHEST

Kind = tuple[str, str]
"""Family and product: cards of one kind may work together."""


class ShapeCard(NamedTuple):
    """A card without what is its own. `number` is its index; `distances`: peer index and distance, in order."""

    number: int
    family: str
    product: str
    memory_bytes: int
    health: HealthState
    numa_node: int | None
    distances: tuple[tuple[int, int], ...]
    is_partition: bool
    is_partitioned: bool


class ShapeKey(NamedTuple):
    """`groups`: family, size, indices. `numa`: index and cores of each NUMA node."""

    cards: tuple[ShapeCard, ...]
    groups: tuple[tuple[str, int, tuple[int, ...]], ...]
    numa: tuple[tuple[int, tuple[int, ...]], ...]
    packs: frozenset[str]


@dataclass(frozen=True, eq=False)
class Shape:
    """Compared by identity: nodes of one shape share the object. Masks have a bit for each position or core."""

    key: ShapeKey
    fitting: dict[tuple[Kind, int], int] = field(default_factory=dict[tuple[Kind, int], int])

    @property
    def cards(self) -> tuple[ShapeCard, ...]:
        return self.key.cards

    @property
    def packs(self) -> frozenset[str]:
        return self.key.packs

    @cached_property
    def kinds(self) -> dict[Kind, int]:
        found: dict[Kind, int] = defaultdict(int)
        for place, card in enumerate(self.cards):
            found[card.family, card.product] |= 1 << place
        return dict(sorted(found.items()))

    @cached_property
    def products(self) -> dict[str, tuple[str, ...]]:
        """Of each family; the processor's cores have no product."""
        found: dict[str, tuple[str, ...]] = {CPU: ("",)} if self.cores else {}
        for family, product in self.kinds:
            found[family] = (*found.get(family, ()), product)
        return found

    @cached_property
    def numa(self) -> tuple[int, ...]:
        """The cores of each NUMA node."""
        return tuple(to_bits(cores) for _, cores in self.key.numa)

    @cached_property
    def cores(self) -> int:
        return to_bits(core for _, cores in self.key.numa for core in cores)

    @cached_property
    def usable(self) -> int:
        """Cards that may be given anything at all."""
        return self._where(lambda card: card.health is not HealthState.FAILED and not card.is_partitioned)

    @cached_property
    def sound(self) -> int:
        return self._where(lambda card: card.health is HealthState.OK)

    @cached_property
    def together(self) -> int:
        """Cards that may work together with others."""
        return self._where(lambda card: not card.is_partition)

    @cached_property
    def groups(self) -> dict[Kind, dict[int, tuple[int, ...]]]:
        """The allowed sets of each kind by size, less those with a card that is not there or of another kind."""
        by_index = {(card.family, card.number): place for place, card in enumerate(self.cards) if not card.is_partition}
        found: dict[Kind, dict[int, tuple[int, ...]]] = {kind: {} for kind in self.kinds}
        for family, size, indices in self.key.groups:
            places = [by_index.get((family, index)) for index in indices]
            mask = to_bits(place for place in places if place is not None)
            for kind, members in self.kinds.items():
                if kind[0] == family:
                    fits = None not in places and not mask & ~members
                    found[kind][size] = (*found[kind].get(size, ()), *((mask,) if fits else ()))
        return found

    @cached_property
    def distances(self) -> tuple[tuple[int, ...], ...]:
        """Between two positions. Where both cards speak of the link, the worse counts; where neither, it is far."""
        return tuple(tuple(self._distance(a, b) for b in self.cards) for a in self.cards)

    @cached_property
    def blocks(self) -> dict[Kind, tuple[int, ...]]:
        """Sets of cards worth keeping whole for larger models: the vendor's groups, NUMA nodes, all cards of a kind."""
        return {kind: self._blocks(kind, mask & self.together) for kind, mask in self.kinds.items()}

    def fits(self, kind: Kind, needed_bytes: int) -> int:
        """Usable cards of a kind that are large enough while nothing is on them."""
        key = (kind, needed_bytes)
        if key not in self.fitting:
            large = self._where(lambda card: card.memory_bytes >= needed_bytes)
            self.fitting[key] = self.kinds[kind] & self.usable & large
        return self.fitting[key]

    def near_numa(self, places: tuple[int, ...]) -> tuple[int, ...]:
        """Positions in `numa` of the NUMA nodes that these cards hang on."""
        wanted = {self.cards[place].numa_node for place in places}
        return tuple(place for place, (index, _) in enumerate(self.key.numa) if index in wanted)

    def _blocks(self, kind: Kind, whole: int) -> tuple[int, ...]:
        by_numa: dict[int | None, int] = defaultdict(int)
        for place in from_bits(whole):
            by_numa[self.cards[place].numa_node] |= 1 << place
        declared = (mask for masks in self.groups[kind].values() for mask in masks)
        found = {*declared, *by_numa.values(), whole}
        return tuple(sorted(mask for mask in found if mask.bit_count() > 1))

    def _distance(self, card: ShapeCard, other: ShapeCard) -> int:
        if card.family != other.family:
            return FARTHEST
        said = [distance for peer, distance in card.distances if peer == other.number]
        said += [distance for peer, distance in other.distances if peer == card.number]
        return max(said, default=FARTHEST)

    def _where(self, holds: Callable[[ShapeCard], bool]) -> int:
        return to_bits(place for place, card in enumerate(self.cards) if holds(card))


def in_order(node: NodeView) -> list[CardView]:
    """The node's cards by position, however they were listed; the processor is none."""
    return sorted((card for card in node.cards if card.family != CPU), key=lambda c: (c.family, c.index, c.key))


def shape_key(node: NodeView) -> ShapeKey:
    parents = {card.partition_of for card in node.cards}
    return ShapeKey(
        cards=tuple(
            ShapeCard(
                number=card.index,
                family=card.family,
                product=card.product,
                memory_bytes=card.memory_bytes,
                health=card.health,
                numa_node=card.numa_node,
                distances=tuple(sorted((peer, DISTANCES[kind]) for peer, kind in card.links.items())),
                is_partition=card.partition_of is not None,
                is_partitioned=card.key in parents,
            )
            for card in in_order(node)
        ),
        groups=tuple(
            (family, size, tuple(sorted(indices)))
            for family, sizes in sorted(node.card_groups.items())
            for size, groups in sorted(sizes.items())
            for indices in sorted(groups)
        ),
        numa=tuple(sorted((numa.index, tuple(sorted(numa.cores))) for numa in node.numa_nodes)),
        packs=node.packs,
    )
