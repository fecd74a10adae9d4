"""Nodes and cards for Prometheus: one set of names for every vendor, in base units (prometheus.io, Metric and label
naming).

Only what is known now: a card that is gone, a card of an unreachable node, and a figure that nobody told have no
series. `node_id` keeps two nodes of one hostname apart.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from appliance.base.ids import public_id
from appliance.hardware.inventory import HealthState
from control_plane.nodes.domain import NodeState, node_state
from control_plane.nodes.schemas import is_present
from control_plane.nodes.tables import Accelerator, Node

NODE_LABELS = ("node", "node_id")
CARD_LABELS = (*NODE_LABELS, "vendor", "family", "product", "index", "uuid")

FIGURES = {
    "utilization_ratio": ("How busy the accelerator is, 0 to 1.", "observed_utilization"),
    "memory_used_bytes": ("Memory in use on the accelerator.", "observed_memory_used_bytes"),
    "memory_bytes": ("Memory that the accelerator has.", "memory_bytes"),
    "temperature_celsius": ("The accelerator's own temperature.", "observed_temperature_celsius"),
    "power_watts": ("What the accelerator draws.", "observed_power_watts"),
}


def exposition(nodes: Sequence[Node], *, now: datetime) -> bytes:
    """Prometheus' text format 0.0.4."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(NodeCollector(nodes, now=now))
    return generate_latest(registry)


class NodeCollector(Collector):
    """Asked once, for one answer."""

    def __init__(self, nodes: Sequence[Node], *, now: datetime) -> None:
        self._nodes = nodes
        self._up = [node for node in nodes if is_up(node, now)]

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield node_up(self._nodes, {node.id for node in self._up})
        cards = [
            (labels(node, card), card) for node in self._up for card in node.accelerators if is_present(card, node)
        ]
        for name, (meaning, attribute) in FIGURES.items():
            family = GaugeMetricFamily(f"ts_accelerator_{name}", meaning, labels=CARD_LABELS)
            for values, card in cards:
                figure: float | None = getattr(card, attribute)
                if figure is not None:
                    family.add_metric(values, figure)
            yield family
        yield health(cards)


def is_up(node: Node, now: datetime) -> bool:
    return node_state(node.desired_state, observed_at=node.observed_at, now=now) is not NodeState.UNREACHABLE


def node_up(nodes: Iterable[Node], up: set[object]) -> GaugeMetricFamily:
    family = GaugeMetricFamily("ts_node_up", "1 while the node's heartbeats come.", labels=NODE_LABELS)
    for node in nodes:
        family.add_metric(names(node), int(node.id in up))
    return family


def health(cards: Iterable[tuple[Sequence[str], Accelerator]]) -> GaugeMetricFamily:
    """One series per state; the one that holds is 1."""
    meaning = "1 for the state that the accelerator is in, 0 for the others."
    family = GaugeMetricFamily("ts_accelerator_health", meaning, labels=(*CARD_LABELS, "state"))
    for values, card in cards:
        for state in HealthState:
            family.add_metric([*values, state.value], int(state is card.observed_health_state))
    return family


def names(node: Node) -> list[str]:
    return [node.hostname, public_id("node", node.id)]


def labels(node: Node, card: Accelerator) -> list[str]:
    uuid: str | None = card.observed_facts.get("uuid")
    return [*names(node), card.vendor, card.family, card.name, str(card.index), uuid or ""]
