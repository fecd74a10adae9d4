"""Which cards of one node: near each other, in few NUMA nodes, in an allowed group, breaking no larger one for nothing.

Where the vendor declares groups, these are the candidates. Elsewhere any set will do, and one is grown from each card
by taking the nearest next: as many candidates as cards, never all combinations (16 cards have 12,870 sets of 8).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from appliance.placement.bits import from_bits
from appliance.placement.demands import Policy
from appliance.placement.shapes import Kind, Shape


class Cards(NamedTuple):
    """`places` are positions in the order of the ranks; the rest are costs of `scores.Score`."""

    places: tuple[int, ...]
    distance: int
    numa: int
    broken: int
    slack: int


class Ask(NamedTuple):
    """So many `cards` of a kind among the `eligible`, ranks in groups of `tensor_parallel_size`.

    `free` are the cards that nobody is on. `slack` is the cost of each position where cards are shared, else empty.
    """

    shape: Shape
    kind: Kind
    eligible: int
    free: int
    cards: int
    tensor_parallel_size: int
    policy: Policy
    slack: tuple[int, ...] = ()


def choose_cards(ask: Ask) -> Cards | None:
    """None where no allowed set is eligible. Cards that are known to be healthy are taken wherever these suffice."""
    eligible = ask.eligible if ask.cards == 1 else ask.eligible & ask.shape.together
    sound = eligible & ask.shape.sound
    return _choose(ask._replace(eligible=sound)) or _choose(ask._replace(eligible=eligible))


def has_cards(shape: Shape, kind: Kind, *, eligible: int, count: int) -> bool:
    """Whether an allowed set is among the eligible, which for more than one card are `Shape.together` all."""
    if count == 1:
        return eligible != 0
    groups = shape.groups[kind].get(count)
    return eligible.bit_count() >= count if groups is None else any(not group & ~eligible for group in groups)


def _choose(ask: Ask) -> Cards | None:
    if not has_cards(ask.shape, ask.kind, eligible=ask.eligible, count=ask.cards):
        return None
    choice = _Choice(ask)
    return min((choice.judge(mask) for mask in choice.candidates()), key=choice.order)


@dataclass(frozen=True)
class _Choice:
    ask: Ask

    @cached_property
    def whole_blocks(self) -> tuple[int, ...]:
        """Blocks larger than the replica of which every card is usable and free."""
        free = self.ask.free & self.ask.shape.usable
        blocks = self.ask.shape.blocks[self.ask.kind]
        return tuple(block for block in blocks if block.bit_count() > self.ask.cards and not block & ~free)

    @cached_property
    def breaks(self) -> tuple[int, ...]:
        """How many of these each position is in."""
        places = range(len(self.ask.shape.cards))
        return tuple(sum(1 for block in self.whole_blocks if block >> place & 1) for place in places)

    def candidates(self) -> Iterator[int]:
        seeds = from_bits(self.ask.eligible)
        if self.ask.cards == 1:
            return (1 << seed for seed in seeds)
        groups = self.ask.shape.groups[self.ask.kind].get(self.ask.cards)
        if groups is not None:
            return (group for group in groups if not group & ~self.ask.eligible)
        if len(seeds) == self.ask.cards:
            return iter((self.ask.eligible,))
        return iter({self.grow(seed, among=self.ask.eligible, size=self.ask.cards) for seed in seeds})

    def grow(self, seed: int, *, among: int, size: int) -> int:
        """The seed and the cards nearest to all that are taken already."""
        shape, slack = self.ask.shape, self.ask.slack
        far = list(shape.distances[seed])
        numa = shape.cards[seed].numa_node
        left = [place for place in from_bits(among) if place != seed]
        mask = 1 << seed
        for _ in range(size - 1):
            taken = min(
                left,
                key=lambda p: (
                    far[p], shape.cards[p].numa_node != numa, self.breaks[p], slack[p] if slack else 0, p,
                ),
            )  # fmt: skip
            left.remove(taken)
            mask |= 1 << taken
            far = [max(pair) for pair in zip(far, shape.distances[taken], strict=True)]
        return mask

    def judge(self, mask: int) -> Cards:
        places, distance = self.ranks(mask)
        numa = {self.ask.shape.cards[place].numa_node for place in places}
        return Cards(
            places=places,
            distance=distance,
            numa=len(numa) - 1,
            broken=sum(1 for block in self.whole_blocks if block & mask),
            slack=sum(self.ask.slack[place] for place in places) if self.ask.slack else 0,
        )

    def ranks(self, mask: int) -> tuple[tuple[int, ...], int]:
        """The order of the ranks, and the worst link inside a tensor parallel group.

        With several stages, each tensor parallel group is grown around the lowest card that is left.
        """
        size, ordered, worst = self.ask.tensor_parallel_size, list[int](), 0
        left = mask
        while left:
            seed = from_bits(left)[0]
            group = left if size >= left.bit_count() else self.grow(seed, among=left, size=size)
            places = from_bits(group)
            worst = max([worst, *(self.ask.shape.distances[a][b] for a in places for b in places if a < b)])
            ordered += places
            left &= ~group
        return tuple(ordered), worst

    def order(self, cards: Cards) -> tuple[object, ...]:
        if self.ask.policy is Policy.PACK:
            return (cards.distance, cards.numa, cards.broken, cards.slack, sorted(cards.places))
        return (cards.distance, cards.numa, cards.slack, cards.broken, sorted(cards.places))
