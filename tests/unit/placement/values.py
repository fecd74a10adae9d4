"""Nodes, claims and demands for the tests, from short words. Made up; sizes and groups as in the products' papers."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from appliance.hardware.inventory import HealthState, LinkKind
from appliance.placement.demands import Constraints, Demand, Policy
from appliance.placement.layouts import Layout
from appliance.placement.nodes import CardGroups, CardView, Claim, NodeState, NodeView, NumaView
from appliance.placement.plans import Assignment, Plan

GIB = 1024**3
HALVES = ((0, 1, 2, 3), (4, 5, 6, 7))
FAMILIES = {"H100": "cuda", "L40S": "cuda", "P800": "kunlun", "910B3": "cann"}
GIB_OF = {"H100": 80, "L40S": 48, "P800": 96, "910B3": 64}
PACKS = frozenset({"vllm", "llama-cpp"})


def node(name: str, cards: str = "", **changes: Any) -> NodeView:
    """`8xH100`, or `4xH100 4xL40S`; the first half of the cards on NUMA node 0, 8 cores on each of two.

    H100: a fabric among all. P800, 910B3: a fabric in each NUMA node (P800 with its groups of four). L40S: PCI only.
    """
    products = [product for part in cards.split() for product in [part.split("x")[1]] * int(part.split("x")[0])]
    indices: dict[str, int] = {}
    views: list[CardView] = []
    for place, product in enumerate(products):
        family = FAMILIES[product]
        indices[family] = indices.get(family, -1) + 1
        views.append(
            CardView(
                index=indices[family],
                key=f"{name}-{family}-{indices[family]}",
                family=family,
                product=product,
                memory_bytes=GIB_OF[product] * GIB,
                health=HealthState.OK,
                numa_node=int(place >= len(products) / 2),
            )
        )
    groups: CardGroups = {"kunlun": {4: HALVES}} if "P800" in products else {}
    made = NodeView(
        node_id=name,
        hostname=name,
        cards=tuple(replace(card, links=links(card, views)) for card in views),
        card_groups=groups,
        host_memory_bytes=1000 * GIB,
        numa_nodes=(NumaView(0, tuple(range(8))), NumaView(1, tuple(range(8, 16)))),
        packs=PACKS,
    )
    return replace(made, **changes)


def links(card: CardView, views: Iterable[CardView]) -> dict[int, LinkKind]:
    found: dict[int, LinkKind] = {}
    for peer in views:
        if peer is card or peer.family != card.family:
            continue
        near = peer.numa_node == card.numa_node
        far = LinkKind.FABRIC if card.product == peer.product == "H100" else LinkKind.SYS
        pci = "L40S" in (card.product, peer.product)
        found[peer.index] = (LinkKind.PXB if pci else LinkKind.FABRIC) if near else far
    return found


def with_health(view: NodeView, health: Mapping[int, HealthState]) -> NodeView:
    """By position among the node's cards."""
    cards = (replace(card, health=health.get(place, card.health)) for place, card in enumerate(view.cards))
    return replace(view, cards=tuple(cards))


def layout(family: str = "cuda", cards: int = 1, gib: float = 10, **changes: Any) -> Layout:
    values: dict[str, Any] = {"pack": "vllm", "family": family, "tensor_parallel_size": cards}
    values |= {"bytes_per_card": int(gib * GIB), **changes}
    return Layout(**values)


def demand(*layouts: Layout, name: str = "m", **changes: Any) -> Demand:
    return replace(Demand(name=name, layouts=layouts), **changes)


def places(plan: Plan) -> list[tuple[str, list[int]]]:
    """Node and card indices of each part of each assignment."""
    return [(part.node_id, list(part.cards)) for assignment in plan.assignments for part in assignment.parts]


def by_name(assignments: Iterable[Assignment]) -> dict[tuple[str, int], Assignment]:
    return {(assignment.demand, assignment.replica): assignment for assignment in assignments}


def from_case(case: Mapping[str, Any]) -> tuple[list[NodeView], list[Claim], Demand]:
    """One entry of cases.yaml."""
    nodes = [_node(name, given) for name, given in case["nodes"].items()]
    keys = {view.node_id: [card.key for card in view.cards] for view in nodes}
    claims = [Claim(name, {keys[name][place]: 0}) for name, held in case.get("held", {}).items() for place in held]
    claims += [
        Claim(name, {keys[name][place]: int(gib * GIB)}, shared=True)
        for name, held in case.get("shared", {}).items()
        for place, gib in held.items()
    ]
    claims += [
        Claim(name, cores=tuple(held.get("cores", ())), host_memory_bytes=held.get("gib", 0) * GIB)
        for name, held in case.get("taken", {}).items()
    ]
    wanted: dict[str, Any] = dict(case["demand"])
    constraints: dict[str, Any] = wanted.pop("constraints", {})
    layouts = [_layout(given) for given in wanted.pop("layouts")]
    made = demand(*layouts, policy=Policy(wanted.pop("policy", "pack")), **wanted)
    sets: dict[str, Any] = {key: frozenset(value) for key, value in constraints.items()}
    return nodes, claims, replace(made, constraints=Constraints(**sets))


def _node(name: str, given: str | Mapping[str, Any]) -> NodeView:
    if isinstance(given, str):
        return node(name, given)
    view = node(name, given.get("cards", ""), **given.get("changes", {}))
    health = {place: HealthState(state) for place, state in given.get("health", {}).items()}
    sets = {key: frozenset(given[key]) for key in ("packs", "versions") if key in given}
    if "state" in given:
        view = replace(view, state=NodeState(given["state"]))
    return with_health(replace(view, **sets), health)


def _layout(given: Mapping[str, Any]) -> Layout:
    values = dict(given)
    if "host_gib" in values:
        values["host_memory_bytes"] = values.pop("host_gib") * GIB
    return layout(**values)
