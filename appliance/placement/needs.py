"""What a layout of a demand asks of a class of equal nodes, and the best that the class can offer."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from appliance.placement.bits import from_bits
from appliance.placement.candidate import Candidate
from appliance.placement.card_choice import Ask, Cards, choose_cards
from appliance.placement.cores import CoreChoice, choose_cores
from appliance.placement.demands import Demand, Policy
from appliance.placement.fleet import Load, NodeClass
from appliance.placement.layouts import CPU, Layout
from appliance.placement.shapes import Kind, Shape


class Need(NamedTuple):
    """The part of a layout and its demand that decides which cards; equal for many demands."""

    pack: str
    family: str
    product: str | None
    products: frozenset[str]
    excluded_products: frozenset[str]
    cards: int
    tensor_parallel_size: int
    bytes_per_card: int
    cores: int
    shared: bool
    policy: Policy

    def allows(self, product: str) -> bool:
        """The processor's cores have no product and are never refused for it."""
        if self.family == CPU:
            return True
        if product in self.excluded_products or (self.products and product not in self.products):
            return False
        return self.product is None or product == self.product


def need_of(demand: Demand, layout: Layout) -> Need:
    return Need(
        pack=layout.pack,
        family=layout.family,
        product=layout.product,
        products=demand.constraints.products,
        excluded_products=demand.constraints.excluded_products,
        cards=layout.cards_per_node,
        tensor_parallel_size=layout.tensor_parallel_size,
        bytes_per_card=layout.bytes_per_card,
        cores=layout.cores,
        shared=layout.shared,
        policy=demand.policy,
    )


def eligible_cards(shape: Shape, load: Load, *, kind: Kind, need: Need) -> int:
    """Cards of the kind that have room for one rank now."""
    fits = shape.fits(kind, need.bytes_per_card)
    if not need.shared:
        return fits & ~load.used
    places = from_bits(fits & ~load.closed)
    return sum(1 << place for place in places if load.left[place] >= need.bytes_per_card)


@dataclass
class Candidates:
    """Remembers what was chosen: many classes and demands come down to the same few questions."""

    numbers: dict[Need, int] = field(default_factory=dict[Need, int])
    chosen: dict[Ask, Cards | None] = field(default_factory=dict[Ask, Cards | None])

    def number(self, need: Need) -> int:
        return self.numbers.setdefault(need, len(self.numbers))

    def best(self, node_class: NodeClass, need: Need, *, number: int) -> Candidate | None:
        """Whether main memory suffices is each node's own, and not looked at here."""
        try:
            return node_class.found[number]
        except KeyError:
            found = min(
                self._each(node_class.shape, node_class.load, need), key=lambda c: _order(c, need), default=None
            )
            node_class.found[number] = found
            return found

    def _each(self, shape: Shape, load: Load, need: Need) -> Iterator[Candidate]:
        if need.pack not in shape.packs or need.family not in shape.products:
            return
        if load.cores.bit_count() < need.cores:
            return
        if need.family == CPU:
            yield _on_processor(shape, load, need)
            return
        for product in shape.products[need.family]:
            if need.allows(product) and (found := self._on_cards(shape, load, need, kind=(need.family, product))):
                yield found

    def _on_cards(self, shape: Shape, load: Load, need: Need, *, kind: Kind) -> Candidate | None:
        eligible = eligible_cards(shape, load, kind=kind, need=need)
        if eligible.bit_count() < need.cards:
            return None
        cards = self._choose(shape, load, need, kind=kind, eligible=eligible)
        if cards is None:
            return None
        mask = sum(1 << place for place in cards.places)
        members = shape.kinds[kind] & shape.usable
        room = members & ~load.used & ~mask if need.policy is Policy.PACK else members & load.used
        return Candidate(
            product=kind[1],
            places=cards.places,
            unsound=(mask & ~shape.sound).bit_count(),
            distance=cards.distance,
            numa=cards.numa,
            broken=cards.broken,
            room=room.bit_count(),
            slack=_slack(shape, load, need, places=cards.places),
        )

    def _choose(self, shape: Shape, load: Load, need: Need, *, kind: Kind, eligible: int) -> Cards | None:
        ask = Ask(
            shape=shape,
            kind=kind,
            eligible=eligible,
            free=~load.used & shape.kinds[kind],
            cards=need.cards,
            tensor_parallel_size=need.tensor_parallel_size,
            policy=need.policy,
            slack=_each_slack(shape, load, need) if need.shared else (),
        )
        if ask not in self.chosen:
            self.chosen[ask] = choose_cards(ask)
        return self.chosen[ask]


def cores_for(shape: Shape, load: Load, need: Need, *, places: tuple[int, ...]) -> CoreChoice:
    """Of a class that has enough: near the cards, or for each rank on the processor its own."""
    ranks = need.cards if need.family == CPU else 1
    return choose_cores(load.cores, shape.numa, count=need.cores, ranks=ranks, near=shape.near_numa(places))


def _on_processor(shape: Shape, load: Load, need: Need) -> Candidate:
    choice = cores_for(shape, load, need, places=())
    free = load.cores.bit_count()
    return Candidate(
        product="",
        places=(),
        unsound=0,
        distance=0,
        numa=max(choice.numa - 1, 0),
        broken=choice.broken,
        room=free - need.cores if need.policy is Policy.PACK else shape.cores.bit_count() - free,
        slack=0,
    )


def _each_slack(shape: Shape, load: Load, need: Need) -> tuple[int, ...]:
    if need.policy is Policy.PACK:
        return load.left
    return tuple(card.memory_bytes - left for card, left in zip(shape.cards, load.left, strict=True))


def _slack(shape: Shape, load: Load, need: Need, *, places: tuple[int, ...]) -> int:
    each = _each_slack(shape, load, need)
    return sum(each[place] for place in places) - (
        need.bytes_per_card * len(places) if need.policy is Policy.PACK else 0
    )


def _order(found: Candidate, need: Need) -> tuple[object, ...]:
    near = (found.unsound, found.distance, found.numa)
    if need.policy is Policy.PACK:
        return (*near, found.broken, found.room, found.slack, found.product, found.places)
    return (*near, found.room, found.slack, found.broken, found.product, found.places)
