"""An admin drains a node and takes it back; each change is audited once."""

import pytest
from fastapi.testclient import TestClient

from appliance.base.ids import new_uuid, public_id
from tests.fixtures.heartbeats import CARD, beat


@pytest.fixture
def node_id(node: TestClient) -> str:
    return str(node.post("/api/v1/nodes/heartbeat", json=beat(new_uuid(), CARD)).json()["id"])


def states(client: TestClient, node_id: str) -> tuple[str, str]:
    seen = client.get(f"/api/v1/nodes/{node_id}").json()
    return seen["state"], seen["desired_state"]


def test_a_drain_is_idempotent_audited_and_taken_back(admin: TestClient, node_id: str) -> None:
    assert states(admin, node_id) == ("ready", "serving")
    for _ in range(2):
        assert admin.post(f"/api/v1/nodes/{node_id}/drain").json()["state"] == "draining"
    assert states(admin, node_id) == ("draining", "draining")
    for _ in range(2):
        assert admin.post(f"/api/v1/nodes/{node_id}/undrain", json={}).json()["state"] == "ready"
    entries = admin.get("/api/v1/audit", params={"target": node_id}).json()["data"]
    assert sorted(entry["action"] for entry in entries) == ["node.drain", "node.join", "node.undrain"]
    drained = next(entry for entry in entries if entry["action"] == "node.drain")
    assert (drained["before"], drained["after"]) == ({"desired_state": "serving"}, {"desired_state": "draining"})


def test_a_heartbeat_does_not_take_a_drain_back(admin: TestClient, node: TestClient) -> None:
    key = new_uuid()
    node.post("/api/v1/nodes/heartbeat", json=beat(key, CARD))
    admin.post(f"/api/v1/nodes/{public_id('node', key)}/drain")
    assert node.post("/api/v1/nodes/heartbeat", json=beat(key, CARD)).json()["state"] == "draining"
    status = admin.get("/api/v1/system/status").json()["nodes"]
    assert [one["state"] for one in status if one["id"] == public_id("node", key)] == ["draining"]


def test_draining_a_node_that_is_not_there_is_404(admin: TestClient) -> None:
    answer = admin.post(f"/api/v1/nodes/{public_id('node', new_uuid())}/drain")
    assert answer.status_code == 404
    assert "appliance nodes list" in answer.json()["error"]["message"]
