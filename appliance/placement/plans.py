"""What comes out: which replica goes where, why there, and what kept the others out."""

from dataclasses import dataclass, field

from appliance.placement.layouts import CPU, Layout
from appliance.placement.nodes import Claim
from appliance.placement.reasons import Reason
from appliance.placement.scores import Score


@dataclass(frozen=True)
class Part:
    """A replica's share of one node: indices and keys of its cards in the order of its ranks, and its cores.

    The ranks of one tensor parallel group follow each other, as engines number them (vLLM: stage by stage).
    On the processor, `cores` are in the order of the ranks too, each rank with as many as the others.
    """

    node_id: str
    cards: tuple[int, ...] = ()
    card_keys: tuple[str, ...] = ()
    cores: tuple[int, ...] = ()


@dataclass(frozen=True)
class Assignment:
    """`replica` is a number that stays with the replica for as long as it stays where it is.

    `score` says why it was put there; an assignment that was kept carries what the caller handed in.
    """

    demand: str
    replica: int
    layout: Layout
    parts: tuple[Part, ...]
    score: Score | None = field(default=None, compare=False)

    @property
    def node_id(self) -> str:
        """The node of rank 0."""
        return self.parts[0].node_id

    def claims(self) -> tuple[Claim, ...]:
        return tuple(claim_of(self.layout, part) for part in self.parts)


def claim_of(layout: Layout, part: Part) -> Claim:
    """What a replica holds on one of its nodes, in the form in which others are told of it."""
    return Claim(
        node_id=part.node_id,
        cards={} if layout.family == CPU else dict.fromkeys(part.card_keys, layout.bytes_per_card),
        host_memory_bytes=layout.main_memory_bytes,
        cores=part.cores,
        shared=layout.shared,
    )


@dataclass(frozen=True)
class Obstructed:
    """Nodes that one and the same thing kept a replica from."""

    node_ids: tuple[str, ...]
    hostnames: tuple[str, ...]
    reason: Reason


@dataclass(frozen=True)
class Missing:
    """`replicas` of the `wanted` that have no place once all others have theirs; what is nearest to fitting first."""

    demand: str
    replicas: int
    wanted: int
    obstructed: tuple[Obstructed, ...]

    def reason_on(self, node_id: str) -> Reason | None:
        return next((group.reason for group in self.obstructed if node_id in group.node_ids), None)


@dataclass(frozen=True)
class Displaced:
    """An existing assignment that no longer holds where it is: its replica was planned anew, or is missing."""

    assignment: Assignment
    reason: Reason


@dataclass(frozen=True)
class Plan:
    """`assignments` in the order of the demands, then of the replicas' numbers."""

    assignments: tuple[Assignment, ...]
    missing: tuple[Missing, ...]
    displaced: tuple[Displaced, ...] = ()
