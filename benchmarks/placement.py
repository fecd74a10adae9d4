"""500 served models planned over 1,000 nodes of 8 mixed cards, beside a plain first fit: `-m benchmarks.placement`.

No appliance is needed; the fleet is made up (`benchmarks.made_up_fleet`). First fit keeps the same rules (memory, one
kind of card, the vendor's groups, cores) and judges nothing. Rounds: an empty fleet, half of the models to be
spread; the same with every model packed; a fleet on which two thirds of the nodes carry replicas of others, in as many
ways as nodes; the plan of the first round again with nothing changed; the same with 20 nodes draining.
"""

import argparse
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from time import process_time

from appliance.base import clock
from appliance.hardware.inventory import LinkKind
from appliance.hardware.processor import read_processor
from appliance.placement.demands import Demand, Policy
from appliance.placement.layouts import Layout
from appliance.placement.nodes import Claim, NodeState, NodeView
from appliance.placement.planner import plan
from appliance.placement.plans import Assignment, Part, claim_of
from benchmarks.made_up_fleet import made_up_claims, made_up_demand, made_up_node

WANTED_SECONDS = 2.0
DRAINING = 20


@dataclass(frozen=True)
class Figures:
    """`far`: replicas with two cards of a group linked across NUMA nodes only. `free_nodes`: no card in use."""

    seconds: float
    processor_seconds: float
    replicas: int
    cards: int
    models_whole: int
    models_without: int
    far: int
    free_nodes: int
    moved: int | None = None


@dataclass(frozen=True)
class Round:
    name: str
    ours: Figures
    first_fit: Figures | None


@dataclass(frozen=True)
class Bench:
    nodes: Sequence[NodeView]
    demands: Sequence[Demand]

    def rounds(self, chance: random.Random) -> list[Round]:
        claims = made_up_claims(self.nodes, chance)
        before = plan(self.nodes, demands=self.demands).assignments
        draining = [
            replace(node, state=NodeState.DRAINING) if number < DRAINING else node
            for number, node in enumerate(self.nodes)
        ]
        packed = replace(self, demands=[replace(demand, policy=Policy.PACK) for demand in self.demands])
        return [
            Round("empty fleet", self.ours(()), self.peer(())),
            Round("empty fleet, every model packed", packed.ours(()), packed.peer(())),
            Round("two thirds of the nodes in use", self.ours(claims), self.peer(claims)),
            Round("nothing changed", self.ours((), before=before), None),
            Round(f"{DRAINING} nodes drain", replace(self, nodes=draining).ours((), before=before), None),
        ]

    def ours(self, claims: Sequence[Claim], *, before: Sequence[Assignment] = ()) -> Figures:
        def planned() -> Sequence[Assignment]:
            return plan(self.nodes, demands=self.demands, claims=claims, existing=before).assignments

        figures, found = self.timed(planned, claims)
        stayed = len(set(map(place_of, before)) & set(map(place_of, found)))
        return replace(figures, moved=len(before) - stayed) if before else figures

    def peer(self, claims: Sequence[Claim]) -> Figures:
        return self.timed(lambda: first_fit(self.nodes, demands=self.demands, claims=claims), claims)[0]

    def timed(
        self, planned: Callable[[], Sequence[Assignment]], claims: Sequence[Claim]
    ) -> tuple[Figures, Sequence[Assignment]]:
        began, began_processor = clock.monotonic(), process_time()
        found = planned()
        seconds, processor_seconds = clock.monotonic() - began, process_time() - began_processor
        placed = {demand.name: 0 for demand in self.demands}
        for assignment in found:
            placed[assignment.demand] += 1
        used = {key for claim in (*claims, *(c for a in found for c in a.claims())) for key in claim.cards}
        by_id = {node.node_id: node for node in self.nodes}
        return Figures(
            seconds=seconds,
            processor_seconds=processor_seconds,
            replicas=len(found),
            cards=len({key for a in found for claim in a.claims() for key in claim.cards}),
            models_whole=sum(placed[demand.name] == demand.replicas for demand in self.demands),
            models_without=sum(placed[demand.name] == 0 for demand in self.demands),
            far=sum(is_far(by_id[assignment.node_id], assignment) for assignment in found),
            free_nodes=sum(not any(card.key in used for card in node.cards) for node in self.nodes),
        ), found


def place_of(assignment: Assignment) -> tuple[str, int, tuple[Part, ...]]:
    return assignment.demand, assignment.replica, assignment.parts


def is_far(node: NodeView, assignment: Assignment) -> bool:
    keys = set(assignment.parts[0].card_keys)
    cards = [card for card in node.cards if card.key in keys]
    return any(card.links.get(peer.index) is LinkKind.SYS for card in cards for peer in cards if peer is not card)


def first_fit(nodes: Sequence[NodeView], *, demands: Sequence[Demand], claims: Sequence[Claim]) -> list[Assignment]:
    """Each demand in turn, on the first node and the first cards that do."""
    room = [FirstFitNode(node) for node in nodes]
    by_id = {node.node_id: there for node, there in zip(nodes, room, strict=True)}
    for claim in claims:
        by_id[claim.node_id].take(claim)
    placed: list[Assignment] = []
    for demand in demands:
        for replica in range(demand.replicas):
            found = first_place(room, demand)
            if found is None:
                break
            layout, part, there = found
            there.take(claim_of(layout, part))
            placed.append(Assignment(demand.name, replica, layout, (part,)))
    return placed


def first_place(room: Sequence["FirstFitNode"], demand: Demand) -> "tuple[Layout, Part, FirstFitNode] | None":
    for layout in demand.layouts:
        if demand.divides_heads(layout):
            for there in room:
                if (part := there.part(layout)) is not None:
                    return layout, part, there
    return None


class FirstFitNode:
    def __init__(self, node: NodeView) -> None:
        self.node = node
        self.left = {card.key: card.memory_bytes for card in node.cards}
        self.used: set[str] = set()
        self.closed: set[str] = set()
        self.cores = [core for numa in node.numa_nodes for core in numa.cores]
        self.host_left_bytes = node.host_memory_bytes

    def part(self, layout: Layout) -> Part | None:
        if self.host_left_bytes < layout.main_memory_bytes or len(self.cores) < layout.cores:
            return None
        barred = self.closed if layout.shared else self.used
        free = [
            card
            for card in self.node.cards
            if card.product == layout.product
            and card.key not in barred
            and self.left[card.key] >= layout.bytes_per_card
        ]
        chosen = free[: layout.cards]
        groups = self.node.card_groups.get(layout.family, {}).get(layout.cards)
        if groups is not None:
            sets = [[card for card in free if card.index in group] for group in groups]
            chosen = next((cards for cards in sets if len(cards) == layout.cards), free[:0])
        if len(chosen) < layout.cards:
            return None
        keys = tuple(card.key for card in chosen)
        cores = tuple(self.cores[: layout.cores])
        return Part(self.node.node_id, tuple(card.index for card in chosen), keys, cores)

    def take(self, claim: Claim) -> None:
        for key, size_bytes in claim.cards.items():
            self.left[key] -= size_bytes
        self.used |= claim.cards.keys()
        if not claim.shared:
            self.closed |= claim.cards.keys()
        self.cores = [core for core in self.cores if core not in claim.cores]
        self.host_left_bytes -= claim.host_memory_bytes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument("--models", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", dest="as_json")
    given = parser.parse_args()
    chance = random.Random(given.seed)  # noqa: S311 (nothing here is secret)
    nodes = [made_up_node(number, chance) for number in range(given.nodes)]
    demands = [made_up_demand(number, chance) for number in range(given.models)]
    rounds = Bench(nodes, demands).rounds(chance)
    if given.as_json:
        print(json.dumps([asdict(each) for each in rounds]))
        return
    wanted = sum(demand.replicas for demand in demands)
    print(
        f"{given.models} models, {wanted} replicas, {given.nodes} nodes of 8 cards; {read_processor().name}, one core"
    )
    for each in rounds:
        print(each.name)
        print(f"  planner    {shown(each.ours)}")
        if each.first_fit is not None:
            print(f"  first fit  {shown(each.first_fit)}")
    print(f"(at most {WANTED_SECONDS:.0f} s wanted for {given.models} models over {given.nodes} nodes)")


def shown(figures: Figures) -> str:
    moved = "" if figures.moved is None else f", {figures.moved} moved"
    return (
        f"{figures.seconds:5.2f} s ({figures.processor_seconds:.2f} s of processor time), "
        f"{figures.replicas} replicas placed on {figures.cards} cards, {figures.models_whole} models "
        f"wholly, {figures.models_without} not at all, {figures.far} over far links, "
        f"{figures.free_nodes} nodes left free{moved}"
    )


if __name__ == "__main__":
    main()
