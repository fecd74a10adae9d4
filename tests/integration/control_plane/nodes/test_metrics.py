"""Prometheus asks the admin API."""

from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from appliance.base.ids import new_uuid, public_id
from tests.fixtures.heartbeats import CARD, beat


def test_a_scrape_has_the_nodes_and_their_cards(node: TestClient, reader: TestClient) -> None:
    node_id = new_uuid()
    node.post("/api/v1/nodes/heartbeat", json=beat(node_id, CARD.model_copy(update={"utilization": 0.25})))
    answer = reader.get("/api/v1/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = {
        family.name: [one.value for one in family.samples if one.labels["node_id"] == public_id("node", node_id)]
        for family in text_string_to_metric_families(answer.text)
    }
    assert found["ts_node_up"] == [1]
    assert found["ts_accelerator_utilization_ratio"] == [0.25]
    assert sorted(found["ts_accelerator_health"]) == [0, 0, 0, 1]
