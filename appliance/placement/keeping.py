"""Existing assignments stay where they are as long as they hold there: a plan changes as little as it can."""

from dataclasses import dataclass, replace

from appliance.placement.bits import to_bits
from appliance.placement.demands import Demand
from appliance.placement.fleet import Fleet
from appliance.placement.layouts import CPU
from appliance.placement.needs import eligible_cards, need_of
from appliance.placement.plans import Assignment, Part, claim_of
from appliance.placement.reasons import Obstacle, Reason
from appliance.placement.shapes import Kind


@dataclass(frozen=True)
class Keeping:
    fleet: Fleet
    demand: Demand
    allowed: frozenset[int] | None

    def keep(self, existing: Assignment) -> Assignment | Reason:
        """The assignment, which the fleet then holds, with its cards' indices of now; or why it cannot stay."""
        if existing.layout not in self.demand.layouts or len(existing.parts) != existing.layout.nodes:
            return Reason(Obstacle.LAYOUT)
        if not self.demand.divides_heads(existing.layout):
            heads = self.demand.num_attention_heads or 0
            return Reason(Obstacle.HEADS, needed=heads, found=existing.layout.tensor_parallel_size)
        mark = self.fleet.mark()
        kinds: set[Kind | None] = set()
        parts: list[Part] = []
        for part in existing.parts:
            kept = _KeptPart(self.fleet, existing, part)
            reason = self._node(part) or kept.reason(self.demand)
            kinds.add(kept.kind)
            if reason is None and (len(kinds) > 1 or part.node_id in {other.node_id for other in parts}):
                reason = Reason(Obstacle.LAYOUT)
            if reason is not None:
                self.fleet.back_to(mark)
                return reason
            self.fleet.take(self.fleet.numbers[part.node_id], claim_of(existing.layout, part))
            parts.append(kept.renumbered)
        return replace(existing, parts=tuple(parts))

    def _node(self, part: Part) -> Reason | None:
        number = self.fleet.numbers.get(part.node_id)
        if number is None:
            return Reason(Obstacle.STATE, subject="gone")
        if not self.fleet.ready(number):
            return Reason(Obstacle.STATE, subject=self.fleet.nodes[number].state.value)
        if self.allowed is not None and number not in self.allowed:
            return Reason(Obstacle.CONSTRAINT)
        return None


@dataclass(frozen=True)
class _KeptPart:
    """What a replica holds on one node, looked for on the node as it is now."""

    fleet: Fleet
    existing: Assignment
    part: Part

    @property
    def number(self) -> int:
        return self.fleet.numbers[self.part.node_id]

    @property
    def places(self) -> list[int]:
        """Positions of its cards, in the order of the ranks; those that are gone are left out."""
        known = {key: place for place, key in enumerate(self.fleet.keys[self.number])}
        return [known[key] for key in self.part.card_keys if key in known]

    @property
    def kind(self) -> Kind | None:
        """None on the processor, and where its cards are not of one kind."""
        if self.part.node_id not in self.fleet.numbers:
            return None
        cards = self.fleet.shapes[self.number].cards
        kinds = {(cards[place].family, cards[place].product) for place in self.places}
        return kinds.pop() if len(kinds) == 1 else None

    @property
    def renumbered(self) -> Part:
        cards = self.fleet.shapes[self.number].cards
        return replace(self.part, cards=tuple(cards[place].number for place in self.places))

    def reason(self, demand: Demand) -> Reason | None:
        layout, load = self.existing.layout, self.fleet.classes[self.number].load
        shape = self.fleet.shapes[self.number]
        if layout.pack not in shape.packs:
            return Reason(Obstacle.PACK, subject=layout.pack)
        reason = None if layout.family == CPU else self._cards(demand)
        if reason is not None:
            return reason
        free = to_bits(self.part.cores) & load.cores
        if len(self.part.cores) != layout.cores or free.bit_count() != layout.cores:
            return Reason(Obstacle.CORES, needed=layout.cores, found=free.bit_count())
        left = self.fleet.host_left_bytes[self.number]
        if left < layout.main_memory_bytes:
            return Reason(Obstacle.HOST_MEMORY, needed=layout.main_memory_bytes, found=max(left, 0))
        return None

    def _cards(self, demand: Demand) -> Reason | None:
        need, places = need_of(demand, self.existing.layout), self.places
        shape, load = self.fleet.shapes[self.number], self.fleet.classes[self.number].load
        mask = to_bits(places)
        if len(places) != need.cards or mask.bit_count() != need.cards or self.kind is None:
            return Reason(Obstacle.CARD_COUNT, subject="same", needed=need.cards, found=mask.bit_count())
        if self.kind[0] != need.family or not need.allows(self.kind[1]):
            return Reason(Obstacle.PRODUCT, subject=self.kind[1])
        if mask & ~shape.usable:
            return Reason(Obstacle.HEALTH, needed=need.cards, found=(mask & shape.usable).bit_count())
        eligible = eligible_cards(shape, load, kind=self.kind, need=need)
        if mask & ~eligible:
            return Reason(Obstacle.CARDS_HELD, needed=need.cards, found=(mask & eligible).bit_count())
        groups = shape.groups[self.kind].get(need.cards) if need.cards > 1 else None
        if (need.cards > 1 and mask & ~shape.together) or (groups is not None and mask not in groups):
            return Reason(Obstacle.GROUP, needed=need.cards, found=0)
        return None
