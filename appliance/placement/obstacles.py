"""Which filter stands in a replica's way on each node, worked out once for each class of equal nodes."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from appliance.placement.bits import from_bits
from appliance.placement.card_choice import has_cards
from appliance.placement.demands import Demand
from appliance.placement.fleet import Fleet, Load
from appliance.placement.layouts import CPU, Layout
from appliance.placement.needs import Need, eligible_cards, need_of
from appliance.placement.nodes import NodeState
from appliance.placement.plans import Obstructed
from appliance.placement.reasons import Obstacle, Reason
from appliance.placement.shapes import Kind, Shape


@dataclass(frozen=True)
class Obstacles:
    """What keeps one more replica of a demand from each node of the fleet as it is. `allowed`: see `Fleet.allowed`."""

    fleet: Fleet
    demand: Demand
    allowed: frozenset[int] | None

    def obstructed(self) -> tuple[Obstructed, ...]:
        """Every node once, those with the same reason together; what is nearest to fitting first."""
        by_reason: dict[Reason, list[int]] = defaultdict(list)
        for numbers in self._alike():
            for reason, those in self._reasons(numbers):
                by_reason[reason] += those
        ordered = sorted(by_reason.items(), key=lambda item: (-item[0].obstacle, -item[0].found, min(item[1])))
        return tuple(self._group(sorted(numbers), reason) for reason, numbers in ordered)

    def _group(self, numbers: list[int], reason: Reason) -> Obstructed:
        nodes = [self.fleet.nodes[number] for number in numbers]
        return Obstructed(
            node_ids=tuple(node.node_id for node in nodes),
            hostnames=tuple(node.hostname for node in nodes),
            reason=reason,
        )

    def _alike(self) -> Iterable[list[int]]:
        found: dict[tuple[int, NodeState, bool], list[int]] = defaultdict(list)
        for number, node in enumerate(self.fleet.nodes):
            allowed = self.allowed is None or number in self.allowed
            found[id(self.fleet.classes[number]), node.state, allowed].append(number)
        return found.values()

    def _reasons(self, numbers: list[int]) -> Iterator[tuple[Reason, list[int]]]:
        """Of all layouts, the one that passes most filters, and what it fails on; ties go to the first layout."""
        reasons = [(self._of(numbers[0], layout), layout) for layout in self.demand.layouts]
        roomy = [layout for reason, layout in reasons if reason is None]
        if roomy:
            yield from ((self._without_memory(number, roomy), [number]) for number in numbers)
        else:
            found = (reason for reason, _ in reasons if reason is not None)
            yield max(found, key=lambda reason: reason.obstacle, default=Reason(Obstacle.NO_LAYOUT)), numbers

    def _of(self, number: int, layout: Layout) -> Reason | None:
        node = self.fleet.nodes[number]
        if not self.demand.divides_heads(layout):
            heads = self.demand.num_attention_heads or 0
            return Reason(Obstacle.HEADS, needed=heads, found=layout.tensor_parallel_size)
        if node.state is not NodeState.READY:
            return Reason(Obstacle.STATE, subject=node.state.value)
        if self.allowed is not None and number not in self.allowed:
            return Reason(Obstacle.CONSTRAINT)
        node_class = self.fleet.classes[number]
        return obstacle(node_class.shape, node_class.load, need_of(self.demand, layout))

    def _without_memory(self, number: int, roomy: list[Layout]) -> Reason:
        """Where cards and cores suffice, main memory is short, or other nodes that the layout needs too."""
        left = self.fleet.host_left_bytes[number]
        for layout in roomy:
            if left >= layout.main_memory_bytes:
                return Reason(Obstacle.NODES, needed=layout.nodes, found=self._nodes_with_room[layout])
        least = min(layout.main_memory_bytes for layout in roomy)
        return Reason(Obstacle.HOST_MEMORY, needed=least, found=max(left, 0))

    @cached_property
    def _nodes_with_room(self) -> dict[Layout, int]:
        """For layouts over several nodes: how many have room, of the product for which most have."""
        several = [layout for layout in self.demand.layouts if layout.nodes > 1]
        return {layout: max(self._room_by_product(layout).values(), default=0) for layout in several}

    def _room_by_product(self, layout: Layout) -> Counter[str]:
        room: Counter[str] = Counter()
        need = need_of(self.demand, layout)
        for numbers in self._alike():
            if self._of(numbers[0], layout) is not None:
                continue
            node_class = self.fleet.classes[numbers[0]]
            with_memory = sum(1 for n in numbers if self.fleet.host_left_bytes[n] >= layout.main_memory_bytes)
            for product in node_class.shape.products[layout.family]:
                if need.allows(product) and not obstacle(
                    node_class.shape, node_class.load, need._replace(product=product)
                ):
                    room[product] += with_memory
        return room


def obstacle(shape: Shape, load: Load, need: Need) -> Reason | None:
    """The first filter that a class of nodes does not pass; its main memory is not looked at."""
    if need.family not in shape.products:
        return Reason(Obstacle.FAMILY, subject=need.family)
    allowed = [product for product in shape.products[need.family] if need.allows(product)]
    if not allowed:
        return Reason(Obstacle.PRODUCT, subject=", ".join(shape.products[need.family]))
    if need.pack not in shape.packs:
        return Reason(Obstacle.PACK, subject=need.pack)
    if need.family != CPU:
        reasons = [_of_kind(shape, load, need, kind=(need.family, product)) for product in allowed]
        if None not in reasons:
            found = [reason for reason in reasons if reason is not None]
            return max(found, key=lambda reason: (reason.obstacle, reason.found))
    if (free := load.cores.bit_count()) < need.cores:
        return Reason(Obstacle.CORES, needed=need.cores, found=free)
    return None


def _of_kind(shape: Shape, load: Load, need: Need, *, kind: Kind) -> Reason | None:
    """From the cards that are there to those that are free: the first of these sets in which there are too few."""
    there = shape.kinds[kind] & (shape.together if need.cards > 1 else ~0)
    if not has_cards(shape, kind, eligible=there, count=need.cards):
        return Reason(Obstacle.CARD_COUNT, subject=kind[1], needed=need.cards, found=there.bit_count())
    sizes = [need.bytes_per_card - card.memory_bytes for card in shape.cards]
    lacks = [0 if load.closed >> p & 1 else need.bytes_per_card - left for p, left in enumerate(load.left)]
    levels = (
        (Obstacle.HEALTH, shape.usable, [0] * len(sizes)),
        (Obstacle.CARD_SIZE, shape.fits(kind, need.bytes_per_card), sizes),
        (
            Obstacle.CARDS_HELD,
            eligible_cards(shape, load, kind=kind, need=need),
            lacks if need.shared else [0] * len(lacks),
        ),
    )
    for name, mask, missing in levels:
        if not has_cards(shape, kind, eligible=there & mask, count=need.cards):
            scattered = name is Obstacle.CARDS_HELD and (there & mask).bit_count() >= need.cards
            figures = _Figures(shape=shape, kind=kind, there=there, doing=mask, missing=missing)
            return figures.reason(Obstacle.GROUP if scattered else name, needed=need.cards)
    return None


@dataclass(frozen=True)
class _Figures:
    """How far the nearest set of cards is from doing. `missing`: the bytes that each position lacks."""

    shape: Shape
    kind: Kind
    there: int
    doing: int
    missing: list[int]

    def reason(self, obstacle: Obstacle, *, needed: int) -> Reason:
        groups = self.shape.groups[self.kind].get(needed, ()) if needed > 1 else ()
        found, lack, mask = min(
            (self.count(group, needed=needed) for group in groups or (self.there,)), key=lambda f: (-f[0], f[1], f[2])
        )
        return Reason(
            obstacle,
            subject=self.kind[1],
            needed=needed,
            found=found,
            missing_bytes=lack,
            group=tuple(self.shape.cards[place].number for place in from_bits(mask)) if groups else (),
        )

    def count(self, group: int, *, needed: int) -> tuple[int, int, int]:
        """Cards of the group that do, and what those nearest to doing lack at most."""
        found = (group & self.doing).bit_count()
        lacks = sorted(self.missing[place] for place in from_bits(group & ~self.doing))
        wanted = [lack for lack in lacks if lack > 0][: max(needed - found, 0)]
        return found, max(wanted, default=0), group
