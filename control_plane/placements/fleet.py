"""Nodes as the planner sees them, from what their heartbeats said."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from appliance.base.contracts.heartbeat import AcceleratorFacts, CardGroups, LinkReport, NumaReport, SelectorsReport
from appliance.base.ids import public_id
from appliance.hardware.inventory import LinkKind
from appliance.placement.layouts import CPU
from appliance.placement.nodes import CardView, NodeState, NodeView, NumaView
from control_plane.nodes.domain import node_state
from control_plane.nodes.schemas import is_present
from control_plane.nodes.tables import Accelerator, Node

GIB = 1024**3
SYSTEM_BYTES = 2 * GIB
"""Main memory of a node that engines do not get: the appliance's own processes take 1.3 GiB, the system the rest."""


LINK_KINDS = {kind.value: kind for kind in LinkKind}
"""A node of eight cards tells 56 links, and a page reads all nodes."""


class NodeFacts(BaseModel):
    """Of `Node.observed_facts`, what placement reads; an agent of an older version leaves some out."""

    model_config = ConfigDict(extra="ignore")

    memory_bytes: int = 0
    card_groups: CardGroups = {}
    numa_nodes: tuple[NumaReport, ...] = ()
    engine_packs: tuple[str, ...] = ()
    weights: tuple[str, ...] = ()


def node_view(node: Node, *, now: datetime, heard_since: datetime) -> NodeView:
    """`heard_since`: when this control plane began to listen; until a node's silence is longer than that, it counts as
    it was last seen.
    """
    facts = NodeFacts.model_validate(node.observed_facts)
    state = node_state(node.desired_state, observed_at=max(node.observed_at, heard_since), now=now)
    return NodeView(
        node_id=public_id("node", node.id),
        hostname=node.hostname,
        cards=tuple(view for card in node.accelerators if is_card(card, node) for view in card_views(card)),
        state=NodeState(state.value),
        card_groups=facts.card_groups,
        host_memory_bytes=max(0, facts.memory_bytes - SYSTEM_BYTES),
        numa_nodes=without_last_core(facts.numa_nodes),
        packs=frozenset(facts.engine_packs),
        versions=frozenset(facts.weights),
    )


def is_card(accelerator: Accelerator, node: Node) -> bool:
    return accelerator.family != CPU and is_present(accelerator, node)


def card_views(accelerator: Accelerator) -> Iterator[CardView]:
    """The card, and its slices, on which a model runs in its place."""
    facts = AcceleratorFacts.model_validate(accelerator.observed_facts)
    seen: dict[str, Any] = {
        "index": accelerator.index,
        "family": accelerator.family,
        "health": accelerator.observed_health_state,
        "numa_node": facts.numa_node,
    }
    yield CardView(
        key=accelerator.key,
        product=accelerator.name,
        memory_bytes=accelerator.memory_bytes or 0,
        links={link.peer_index: kind for link in facts.links if (kind := link_kind(link))},
        **seen,
    )
    for part in facts.partitioning.partitions:
        yield CardView(
            key=part.uuid,
            product=f"{accelerator.name} {part.name}",
            memory_bytes=part.memory_bytes,
            partition_of=accelerator.key,
            **seen,
        )


def link_kind(link: LinkReport) -> LinkKind | None:
    """A word that only a newer agent knows says nothing."""
    return LINK_KINDS.get(link.kind)


def without_last_core(numa_nodes: Sequence[NumaReport]) -> tuple[NumaView, ...]:
    """One core of the node is bound to no engine: gateway, control plane and unbound engines need somewhere to run."""
    views = [NumaView(node.index, tuple(sorted(node.cores))) for node in numa_nodes if node.cores]
    if sum(len(view.cores) for view in views) > 1:
        largest = max(views, key=lambda view: (len(view.cores), view.index))
        views[views.index(largest)] = NumaView(largest.index, largest.cores[:-1])
    return tuple(views)


def selectors(nodes: Sequence[Node]) -> dict[str, dict[str, SelectorsReport]]:
    """By node and by key of a card or a slice: how a process chooses it."""
    found: dict[str, dict[str, SelectorsReport]] = {}
    for node in nodes:
        cards = found.setdefault(public_id("node", node.id), {})
        for accelerator in node.accelerators:
            facts = AcceleratorFacts.model_validate(accelerator.observed_facts)
            cards[accelerator.key] = facts.selectors
            cards |= {part.uuid: part.selectors for part in facts.partitioning.partitions}
    return found


def joined(cards: Sequence[SelectorsReport]) -> dict[str, str]:
    """The variables that choose several cards of one kind: each with their values in the order of the ranks."""
    names = dict.fromkeys(name for card in cards for name in card.process)
    chosen = {name: ",".join(card.process[name] for card in cards if name in card.process) for name in names}
    return {**{name: value for card in cards for name, value in card.fixed.items()}, **chosen}
