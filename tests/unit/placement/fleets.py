"""Small random fleets, claims and demands, a checker of plans, and a search through everything for one replica.

Checker and search share no code with the planner: they know the rules from docs/placement.md only.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from hypothesis import strategies as st

from appliance.hardware.inventory import HealthState
from appliance.placement.demands import Constraints, Demand, Policy
from appliance.placement.layouts import CPU, Layout
from appliance.placement.nodes import CardView, Claim, NodeState, NodeView
from appliance.placement.plans import Assignment
from tests.unit.placement.values import GIB, PACKS, demand, layout, node

KINDS = ("", "1xH100", "4xH100", "8xP800", "2xH100 2xL40S", "4x910B3", "3xL40S")
STATES = (NodeState.READY, NodeState.READY, NodeState.READY, NodeState.DRAINING, NodeState.UNREACHABLE)
HEALTH = (HealthState.OK, HealthState.OK, HealthState.OK, HealthState.WARNING, HealthState.UNKNOWN, HealthState.FAILED)


@st.composite
def node_lists(draw: st.DrawFn) -> list[NodeView]:
    return [draw(nodes(f"n{number}")) for number in range(draw(st.integers(1, 4)))]


@st.composite
def nodes(draw: st.DrawFn, name: str) -> NodeView:
    made = node(name, draw(st.sampled_from(KINDS)))
    cards = [replace(card, health=draw(st.sampled_from(HEALTH))) for card in made.cards]
    if cards and draw(st.booleans()):
        cut = cards[0]
        halves = (replace(cut, key=f"{cut.key}-{half}", partition_of=cut.key, memory_bytes=20 * GIB) for half in "ab")
        cards += halves
    return replace(
        made,
        cards=tuple(draw(st.permutations(cards))),
        state=draw(st.sampled_from(STATES)),
        host_memory_bytes=draw(st.sampled_from((50, 100, 101))) * GIB,
        packs=draw(st.sampled_from((PACKS, PACKS, frozenset[str]()))),
        versions=draw(st.sampled_from((frozenset[str](), frozenset({"v1"})))),
        labels={"rack": draw(st.sampled_from("ab"))},
    )


@st.composite
def claim_lists(draw: st.DrawFn, fleet: Sequence[NodeView]) -> list[Claim]:
    """Some cards alone, some shared once or twice; some cores and main memory."""
    found: list[Claim] = []
    for view in fleet:
        for card in view.cards:
            match draw(st.sampled_from(("free", "free", "alone", "shared", "twice"))):
                case "alone":
                    found.append(Claim(view.node_id, {card.key: GIB}))
                case "shared":
                    found.append(Claim(view.node_id, {card.key: draw(st.integers(1, 90)) * GIB}, shared=True))
                case "twice":
                    found += [Claim(view.node_id, {card.key: 5 * GIB}, shared=True)] * 2
                case _:
                    pass
        cores = draw(st.sets(st.integers(0, 15), max_size=14))
        found.append(Claim(view.node_id, cores=tuple(cores), host_memory_bytes=draw(st.integers(0, 60)) * GIB))
    return found


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    family = draw(st.sampled_from(("cuda", "cuda", "kunlun", "cann", CPU)))
    tensor = draw(st.sampled_from((1, 1, 2, 3, 4)))
    stages, spread_over = draw(st.sampled_from(((1, 1), (1, 1), (2, 1), (2, 2), (4, 2))))
    return layout(
        family,
        tensor,
        draw(st.sampled_from((0, 10, 19, 30, 60, 85))),
        product=None if family == CPU else draw(st.sampled_from((None, None, "H100", "L40S"))),
        pipeline_parallel_size=stages,
        nodes=spread_over,
        cores=draw(st.integers(0, 2)) * tensor * stages,
        host_memory_bytes=draw(st.sampled_from((0, 10, 45))) * GIB,
        shared=draw(st.booleans()),
    )


CONSTRAINTS = (
    Constraints(),
    Constraints(),
    Constraints(labels={"rack": "a"}),
    Constraints(excluded_node_ids=frozenset({"n0"})),
    Constraints(excluded_products=frozenset({"L40S"})),
)


@st.composite
def demands(draw: st.DrawFn, name: str = "m", *, replicas: int = 3) -> Demand:
    return demand(
        *draw(st.lists(layouts(), min_size=1, max_size=3)),
        name=name,
        replicas=draw(st.integers(0 if replicas > 1 else 1, replicas)),
        policy=draw(st.sampled_from(Policy)),
        num_attention_heads=draw(st.sampled_from((None, 8, 12))),
        version_id=draw(st.sampled_from((None, "v1"))),
        constraints=draw(st.sampled_from(CONSTRAINTS)),
    )


@st.composite
def demand_lists(draw: st.DrawFn) -> list[Demand]:
    return [draw(demands(f"m{number}")) for number in range(draw(st.integers(1, 4)))]


@dataclass(frozen=True)
class Rules:
    """Breaks an assertion where assignments break a rule."""

    fleet: Sequence[NodeView]
    claims: Sequence[Claim]

    def check(self, assignments: Sequence[Assignment], wanted: Iterable[Demand]) -> None:
        by_demand = {each.name: each for each in wanted}
        for assignment in assignments:
            self.check_one(assignment, by_demand[assignment.demand])
        numbers = [(assignment.demand, assignment.replica) for assignment in assignments]
        assert len(set(numbers)) == len(numbers)
        for name, each in by_demand.items():
            assert sum(demand_name == name for demand_name, _ in numbers) <= each.replicas
        self.check_room(assignments)

    def check_one(self, assignment: Assignment, wanted: Demand) -> None:
        ours = assignment.layout
        assert ours in wanted.layouts
        assert wanted.num_attention_heads is None or wanted.num_attention_heads % ours.tensor_parallel_size == 0
        assert len({part.node_id for part in assignment.parts}) == len(assignment.parts) == ours.nodes
        products: set[str] = set()
        for part in assignment.parts:
            view = next(each for each in self.fleet if each.node_id == part.node_id)
            assert view.state is NodeState.READY
            assert wanted.constraints.allow_node(view)
            assert ours.pack in view.packs
            assert len(part.cores) == len(set(part.cores)) == ours.cores
            assert set(part.cores) <= {core for numa in view.numa_nodes for core in numa.cores}
            cards = [next(card for card in view.cards if card.key == key) for key in part.card_keys]
            assert [card.index for card in cards] == list(part.cards)
            if ours.family == CPU:
                assert cards == []
                continue
            assert allowed_together(view, cards, ours)
            products |= {card.product for card in cards}
        assert len(products) == (ours.family != CPU)
        assert all(wanted.constraints.allow_product(product) for product in products)

    def check_room(self, assignments: Sequence[Assignment]) -> None:
        """Nothing is given twice. The claims of others may overlap or be too large; nothing is put on top of that."""
        ours = [claim for assignment in assignments for claim in assignment.claims()]
        for view in self.fleet:
            here = [claim for claim in ours if claim.node_id == view.node_id]
            others = [claim for claim in self.claims if claim.node_id == view.node_id]
            if any(claim.host_memory_bytes for claim in here):
                assert sum(claim.host_memory_bytes for claim in (*here, *others)) <= view.host_memory_bytes
            cores = [core for claim in here for core in claim.cores]
            assert len(set(cores)) == len(cores)
            assert not set(cores) & {core for claim in others for core in claim.cores}
            for card in view.cards:
                check_card(card, [c for c in here if card.key in c.cards], [c for c in others if card.key in c.cards])


def check_card(card: CardView, ours: Sequence[Claim], others: Sequence[Claim]) -> None:
    if not ours:
        return
    if len(ours) + len(others) > 1:
        assert all(claim.shared for claim in (*ours, *others))
    assert sum(claim.cards[card.key] for claim in (*ours, *others)) <= card.memory_bytes


def allowed_together(view: NodeView, cards: Sequence[CardView], ours: Layout) -> bool:
    """These cards of a node, if they are free, for these ranks of a layout."""
    parents = {card.partition_of for card in view.cards}
    if len(cards) != ours.cards_per_node or len({card.key for card in cards}) != len(cards):
        return False
    if any(card.health is HealthState.FAILED or card.key in parents or card.family != ours.family for card in cards):
        return False
    if ours.product is not None and any(card.product != ours.product for card in cards):
        return False
    if len(cards) == 1:
        return True
    groups = view.card_groups.get(ours.family, {}).get(len(cards))
    return (
        len({card.product for card in cards}) == 1
        and all(card.partition_of is None for card in cards)
        and (groups is None or tuple(sorted(card.index for card in cards)) in groups)
    )


def somewhere(fleet: Sequence[NodeView], claims: Sequence[Claim], wanted: Demand) -> bool:
    """Whether one replica has a place: every layout, on every node, on every set of cards."""
    for ours in wanted.layouts:
        if wanted.num_attention_heads is not None and wanted.num_attention_heads % ours.tensor_parallel_size:
            continue
        count: dict[str, int] = defaultdict(int)
        for view in fleet:
            for product in products_with_room(view, [c for c in claims if c.node_id == view.node_id], wanted, ours):
                count[product] += 1
        if any(found >= ours.nodes for found in count.values()):
            return True
    return False


def products_with_room(view: NodeView, held: Sequence[Claim], wanted: Demand, ours: Layout) -> set[str]:
    all_cores = {core for numa in view.numa_nodes for core in numa.cores}
    cores = all_cores - {core for claim in held for core in claim.cores}
    memory = view.host_memory_bytes - sum(claim.host_memory_bytes for claim in held)
    if (
        view.state is not NodeState.READY
        or not wanted.constraints.allow_node(view)
        or ours.pack not in view.packs
        or len(cores) < ours.cores
        or memory < ours.main_memory_bytes
    ):
        return set()
    if ours.family == CPU:
        return {""} if all_cores else set()
    free = [
        card for card in view.cards if wanted.constraints.allow_product(card.product) and has_room(card, held, ours)
    ]
    sets = combinations(free, ours.cards_per_node)
    return {cards[0].product for cards in sets if allowed_together(view, cards, ours)}


def has_room(card: CardView, held: Sequence[Claim], ours: Layout) -> bool:
    on = [claim for claim in held if card.key in claim.cards]
    if not ours.shared:
        return not on and ours.bytes_per_card <= card.memory_bytes
    left = card.memory_bytes - sum(claim.cards[card.key] for claim in on)
    return all(claim.shared for claim in on) and ours.bytes_per_card <= left
