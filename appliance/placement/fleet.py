"""The nodes while a plan is made: who equals whom, what is left on each. Changes one node at a time, and can go back.

Nodes with the same shape and the same load are one class, looked at once. A class is split only by what is put on one
of its nodes, so a thousand nodes are a handful of classes, and at worst one class each.
"""

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from appliance.placement.bits import from_bits, to_bits
from appliance.placement.candidate import Candidate
from appliance.placement.demands import Constraints
from appliance.placement.nodes import Claim, NodeState, NodeView
from appliance.placement.shapes import Shape, ShapeKey, in_order, shape_key


class Load(NamedTuple):
    """`left`: bytes on each card. `used`: cards that somebody is on; `closed`: those held alone. `cores`: free ones."""

    left: tuple[int, ...]
    used: int
    closed: int
    cores: int


@dataclass(eq=False)
class NodeClass:
    """`members` are node numbers in order. `found`: by need, the best candidate on any of them, once it was looked for.

    `host_floor_bytes`: every member has at least this much main memory left.
    """

    shape: Shape
    load: Load
    members: list[int] = field(default_factory=list[int])
    host_floor_bytes: int = 0
    found: dict[int, Candidate | None] = field(default_factory=dict[int, Candidate | None])


class Fleet:
    """Nodes are numbered in the order of their ids. Those that are not ready are known, but in no class."""

    def __init__(self, nodes: Iterable[NodeView], claims: Iterable[Claim]) -> None:
        self.nodes = sorted(nodes, key=lambda node: node.node_id)
        self.numbers = {node.node_id: number for number, node in enumerate(self.nodes)}
        if len(self.numbers) != len(self.nodes):
            raise ValueError("Two nodes have the same id.")
        self._shapes: dict[ShapeKey, Shape] = {}
        self._classes: dict[tuple[int, Load], NodeClass] = {}
        self._by_family: dict[str, dict[int, NodeClass]] = defaultdict(dict)
        self._journal: list[tuple[int, NodeClass, int]] = []
        self.shapes = [self._shape(node) for node in self.nodes]
        self.keys = [tuple(card.key for card in in_order(node)) for node in self.nodes]
        self.host_left_bytes = [node.host_memory_bytes for node in self.nodes]
        self.classes: list[NodeClass] = []
        held: dict[int, list[Claim]] = defaultdict(list)
        for claim in claims:
            if claim.node_id in self.numbers:
                held[self.numbers[claim.node_id]].append(claim)
        self._holding: dict[str, list[int]] = defaultdict(list)
        for number, node in enumerate(self.nodes):
            self._add(number, held[number])
            for version_id in node.versions if self.ready(number) else ():
                self._holding[version_id].append(number)

    def ready(self, number: int) -> bool:
        return self.nodes[number].state is NodeState.READY

    def holding(self, version_id: str | None) -> list[int]:
        """The ready nodes on which the weights of a version lie."""
        return self._holding.get(version_id, []) if version_id else []

    def allowed(self, constraints: Constraints) -> frozenset[int] | None:
        """The numbers of the nodes that may be used; None: all of them."""
        if constraints.any_node:
            return None
        return frozenset(number for number, node in enumerate(self.nodes) if constraints.allow_node(node))

    def having(self, family: str) -> Iterable[NodeClass]:
        """The classes of ready nodes with cards of the family (`cpu`: with cores)."""
        return list(self._by_family[family].values())

    def take(self, number: int, claim: Claim) -> None:
        """Puts a claim on a node; that it fits is the caller's business."""
        before = self.classes[number]
        self._journal.append((number, before, self.host_left_bytes[number]))
        self._leave(number, before)
        self.host_left_bytes[number] -= claim.host_memory_bytes
        self._enter(number, before.shape, after(before.load, claim, keys=self.keys[number]))

    def mark(self) -> int:
        return len(self._journal)

    def back_to(self, mark: int) -> None:
        """As it was when `mark` was handed out."""
        while len(self._journal) > mark:
            number, before, host_left_bytes = self._journal.pop()
            self._leave(number, self.classes[number])
            self.host_left_bytes[number] = host_left_bytes
            self._enter(number, before.shape, before.load)

    def _shape(self, node: NodeView) -> Shape:
        key = shape_key(node)
        return self._shapes.setdefault(key, Shape(key))

    def _add(self, number: int, claims: list[Claim]) -> None:
        shape, keys = self.shapes[number], self.keys[number]
        load = Load(left=tuple(card.memory_bytes for card in shape.cards), used=0, closed=0, cores=shape.cores)
        for claim in claims:
            load = after(load, claim, keys=keys)
            self.host_left_bytes[number] -= claim.host_memory_bytes
        self.classes.append(self._class(shape, load))
        if self.ready(number):
            self._enter(number, shape, load)

    def _class(self, shape: Shape, load: Load) -> NodeClass:
        key = (id(shape), load)
        if key not in self._classes:
            self._classes[key] = NodeClass(shape=shape, load=load)
        return self._classes[key]

    def _enter(self, number: int, shape: Shape, load: Load) -> None:
        joined = self._class(shape, load)
        left = self.host_left_bytes[number]
        joined.host_floor_bytes = min(left, joined.host_floor_bytes) if joined.members else left
        insort(joined.members, number)
        self.classes[number] = joined
        for family in shape.products:
            self._by_family[family][id(joined)] = joined

    def _leave(self, number: int, left: NodeClass) -> None:
        del left.members[bisect_left(left.members, number)]
        if not left.members:
            for family in left.shape.products:
                del self._by_family[family][id(left)]


def after(load: Load, claim: Claim, *, keys: tuple[str, ...]) -> Load:
    """A card held alone has nothing left; keys that the node does not have are passed over."""
    left, mask = list(load.left), 0
    for place, key in enumerate(keys):
        if key in claim.cards:
            mask |= 1 << place
            left[place] -= claim.cards[key]
    closed = load.closed if claim.shared else load.closed | mask
    for place in from_bits(closed & mask):
        left[place] = 0
    return Load(left=tuple(left), used=load.used | mask, closed=closed, cores=load.cores & ~to_bits(claim.cores))
