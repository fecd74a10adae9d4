"""Nodes as Prometheus reads them: parsed back with its own parser."""

from datetime import UTC, datetime, timedelta

from prometheus_client.parser import text_string_to_metric_families

from appliance.base.ids import new_uuid, public_id
from appliance.hardware.inventory import HealthState
from control_plane.nodes.domain import DesiredNodeState
from control_plane.nodes.metrics import exposition
from control_plane.nodes.tables import Accelerator, Node

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
NAMES = {
    "ts_node_up",
    "ts_accelerator_utilization_ratio",
    "ts_accelerator_memory_used_bytes",
    "ts_accelerator_memory_bytes",
    "ts_accelerator_temperature_celsius",
    "ts_accelerator_power_watts",
    "ts_accelerator_health",
}
ODD = 'C500 "turbo" \\ v2\n加速卡'


def card(*, index: int = 0, observed_at: datetime = NOW) -> Accelerator:
    return Accelerator(
        index=index,
        vendor="metax",
        family="maca",
        name=ODD,
        memory_bytes=64 * 2**30,
        observed_utilization=0.42,
        observed_power_watts=None,
        observed_health_state=HealthState.WARNING,
        observed_facts={"uuid": "GPU-1"},
        observed_at=observed_at,
    )


def node(hostname: str, *cards: Accelerator, silent: timedelta = timedelta(0)) -> Node:
    return Node(
        id=new_uuid(),
        hostname=hostname,
        desired_state=DesiredNodeState.DRAINING,
        observed_at=NOW - silent,
        accelerators=list(cards),
    )


def series(*nodes: Node) -> dict[str, list[tuple[dict[str, str], float]]]:
    text = exposition(nodes, now=NOW).decode()
    return {
        family.name: [(sample.labels, sample.value) for sample in family.samples]
        for family in text_string_to_metric_families(text)
    }


def test_every_vendor_has_the_same_names_and_labels_survive_escaping() -> None:
    rack = node("rack-1", card())
    found = series(rack)
    assert set(found) == NAMES
    [(labels, value)] = found["ts_accelerator_utilization_ratio"]
    assert value == 0.42
    assert labels == {
        "node": "rack-1",
        "node_id": public_id("node", rack.id),
        "vendor": "metax",
        "family": "maca",
        "product": ODD,
        "index": "0",
        "uuid": "GPU-1",
    }
    assert found["ts_accelerator_memory_bytes"][0][1] == 64 * 2**30


def test_health_has_one_series_for_each_state() -> None:
    found = {labels["state"]: value for labels, value in series(node("rack-1", card()))["ts_accelerator_health"]}
    assert found == {"ok": 0, "warning": 1, "failed": 0, "unknown": 0}


def test_what_is_not_known_now_has_no_series() -> None:
    """A figure nobody told, a card that is gone, and every card of a node that is silent."""
    gone = card(index=1, observed_at=NOW - timedelta(minutes=1))
    silent = node("rack-2", card(observed_at=NOW - timedelta(hours=1)), silent=timedelta(hours=1))
    found = series(node("rack-1", card(), gone), silent)
    assert found["ts_accelerator_power_watts"] == []
    assert [labels["index"] for labels, _ in found["ts_accelerator_utilization_ratio"]] == ["0"]
    assert [(labels["node"], value) for labels, value in found["ts_node_up"]] == [("rack-1", 1), ("rack-2", 0)]


def test_two_nodes_of_one_hostname_have_series_of_their_own() -> None:
    found = series(node("rack-1", card()), node("rack-1", card()))["ts_accelerator_utilization_ratio"]
    assert len({tuple(sorted(labels.items())) for labels, _ in found}) == 2
