"""Puts replicas of one demand where they cost least. Classes are looked through once a demand, not once a replica."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from heapq import heapify, heappop, heappush, nsmallest
from itertools import count
from typing import NamedTuple

from appliance.placement.candidate import Candidate
from appliance.placement.demands import Demand, Policy
from appliance.placement.fleet import Fleet, NodeClass
from appliance.placement.layouts import Layout
from appliance.placement.needs import Candidates, Need, cores_for, need_of
from appliance.placement.plans import Assignment, Part, claim_of
from appliance.placement.scores import Score, sort_key


class Way(NamedTuple):
    """A layout of the demand, with its place among them, and its need with that need's number."""

    preference: int
    layout: Layout
    need: Need
    number: int


class Offer(NamedTuple):
    """Equal nodes at equal cost: `members`, of which `node`, the one at `place`, is meant. Sorts by cost, then by node.

    `turn` tells an old offer of a node from those made after it took a replica.
    """

    key: tuple[int, ...]
    node: int
    turn: int
    place: int
    members: tuple[int, ...]
    way: Way
    candidate: Candidate
    score: Score

    def at(self, place: int) -> "Offer":
        return self._replace(node=self.members[place], place=place)


@dataclass
class Placing:
    """One demand on a fleet. `allowed`: node numbers, None for all. `on`: its replicas by node number."""

    fleet: Fleet
    candidates: Candidates
    demand: Demand
    allowed: frozenset[int] | None
    on: dict[int, int]

    def place(self, numbers: Iterable[int]) -> list[Assignment]:
        """One assignment for each of these numbers of replicas until one has no place; the fleet then holds them."""
        ways = list(self._ways())
        single = [way for way in ways if way.layout.nodes == 1]
        stages = [[way] for way in single] if self.demand.policy is Policy.PACK else [single]
        several = (self._on_several_nodes(way) for way in ways if way.layout.nodes > 1)
        placed: list[Assignment] = []
        left = iter(numbers)
        number = next(left, None)
        for offered in (*(self._on_one_node(stage) for stage in stages), *several):
            while number is not None and (offers := next(offered, None)):
                placed.append(self._take(number, offers))
                number = next(left, None)
        return placed

    def _ways(self) -> Iterator[Way]:
        for preference, layout in enumerate(self.demand.layouts):
            if self.demand.divides_heads(layout):
                need = need_of(self.demand, layout)
                yield Way(preference, layout, need, self.candidates.number(need))

    def _on_one_node(self, ways: list[Way]) -> Iterator[tuple[Offer, ...]]:
        """The cheapest, again and again. What is offered must have been taken before the next is asked for."""
        heap = [offer for way in ways for offer in self._offers(way)]
        heapify(heap)
        last_turn: dict[int, int] = {}
        for turn in count(1):
            offer = _cheapest(heap, last_turn)
            if offer is None:
                return
            yield (offer,)
            last_turn[offer.node] = turn
            for way in ways:
                if again := self._offer_of(self.fleet.classes[offer.node], [offer.node], way):
                    heappush(heap, again._replace(turn=turn))

    def _on_several_nodes(self, way: Way) -> Iterator[tuple[Offer, ...]]:
        """Nodes with cards of one product: the product of which the worst node that is needed costs least."""
        nodes = way.layout.nodes
        while True:
            each = (nsmallest(nodes, self._singly(of_product)) for of_product in self._by_product(way))
            enough = [offers for offers in each if len(offers) == nodes]
            if not enough:
                return
            yield tuple(min(enough, key=lambda offers: [(offer.key, offer.node) for offer in reversed(offers)]))

    def _by_product(self, way: Way) -> Iterator[Way]:
        classes = self.fleet.having(way.layout.family)
        products = {product for node_class in classes for product in node_class.shape.products[way.layout.family]}
        for product in sorted(products):
            if way.need.allows(product):
                need = way.need._replace(product=product)
                yield way._replace(need=need, number=self.candidates.number(need))

    def _singly(self, way: Way) -> Iterator[Offer]:
        for offer in self._offers(way):
            yield from (offer.at(place) for place in range(min(len(offer.members), way.layout.nodes)))

    def _offers(self, way: Way) -> Iterator[Offer]:
        special = self._special()
        for node_class in self.fleet.having(way.layout.family):
            for members in special.get(id(node_class)) or (node_class.members,):
                if offer := self._offer_of(node_class, members, way):
                    yield offer

    def _special(self) -> dict[int, list[list[int]]]:
        """Classes with nodes where the weights lie or replicas are: their members, those nodes apart from the rest."""
        nodes = {*self.fleet.holding(self.demand.version_id), *self.on}
        found: dict[int, dict[tuple[int, int] | None, list[int]]] = {}
        for node in sorted(nodes):
            node_class = self.fleet.classes[node]
            if id(node_class) not in found:
                rest = [member for member in node_class.members if member not in nodes]
                found[id(node_class)] = {None: rest} if rest else {}
            found[id(node_class)].setdefault(self._own_costs(node), []).append(node)
        return {key: list(apart.values()) for key, apart in found.items()}

    def _own_costs(self, node: int) -> tuple[int, int]:
        """What sets a node apart from its equals: the model's replicas on it, and whether it must fetch the weights."""
        return self.on.get(node, 0), int(self.demand.version_id not in self.fleet.nodes[node].versions)

    def _offer_of(self, node_class: NodeClass, members: list[int], way: Way) -> Offer | None:
        """Of members whose own costs are equal."""
        candidate = self.candidates.best(node_class, way.need, number=way.number)
        if candidate is None:
            return None
        if self.allowed is not None:
            members = [node for node in members if node in self.allowed]
        if node_class.host_floor_bytes < (needed := way.layout.main_memory_bytes):
            members = [node for node in members if self.fleet.host_left_bytes[node] >= needed]
        if not members:
            return None
        apart, fetch = self._own_costs(members[0])
        score = Score(
            apart, way.preference, candidate.unsound, candidate.distance, candidate.numa,
            fetch, candidate.broken, candidate.room, candidate.slack,
        )  # fmt: skip
        key = sort_key(score, policy=self.demand.policy)
        return Offer(key, members[0], 0, 0, tuple(members), way, candidate, score)

    def _take(self, number: int, offers: tuple[Offer, ...]) -> Assignment:
        layout = offers[0].way.layout
        parts = tuple(self._part(offer) for offer in offers)
        for offer, part in zip(offers, parts, strict=True):
            self.fleet.take(offer.node, claim_of(layout, part))
            self.on[offer.node] = self.on.get(offer.node, 0) + 1
        score = Score(*(max(costs) for costs in zip(*(offer.score for offer in offers), strict=True)))
        return Assignment(demand=self.demand.name, replica=number, layout=layout, parts=parts, score=score)

    def _part(self, offer: Offer) -> Part:
        shape, keys, places = self.fleet.shapes[offer.node], self.fleet.keys[offer.node], offer.candidate.places
        load = self.fleet.classes[offer.node].load
        return Part(
            node_id=self.fleet.nodes[offer.node].node_id,
            cards=tuple(shape.cards[place].number for place in places),
            card_keys=tuple(keys[place] for place in places),
            cores=cores_for(shape, load, offer.way.need, places=places).cores,
        )


def _cheapest(heap: list[Offer], last_turn: dict[int, int]) -> Offer | None:
    """The cheapest that still stands, taken off the heap; the next of its members takes its place there."""
    while heap:
        offer = heappop(heap)
        if offer.place + 1 < len(offer.members):
            heappush(heap, offer.at(offer.place + 1))
        if offer.turn == last_turn.get(offer.node, 0):
            return offer
    return None
