"""Nodes as their agents report them."""

from datetime import timedelta

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from appliance.base import clock
from appliance.base.contracts.heartbeat import HealthReport, LinkReport
from appliance.base.ids import new_uuid, public_id
from control_plane.database.session import SessionFactory, transaction
from control_plane.nodes.tables import Node
from tests.fixtures.heartbeats import CARD, beat


def test_an_unknown_node_joins_and_is_seen(node: TestClient, admin: TestClient) -> None:
    node_id = new_uuid()
    first = node.post("/api/v1/nodes/heartbeat", json=beat(node_id, CARD))
    assert first.status_code == 200, first.text
    assert node.post("/api/v1/nodes/heartbeat", json=beat(node_id, CARD)).json()["id"] == first.json()["id"]
    seen = admin.get(f"/api/v1/nodes/{public_id('node', node_id)}").json()
    assert (seen["hostname"], seen["state"], seen["facts"]["cpu_count"]) == ("rack-1", "ready", 2)
    assert [(card["name"], card["present"]) for card in seen["accelerators"]] == [("H100", True)]
    joined = admin.get("/api/v1/audit", params={"target": public_id("node", node_id)}).json()["data"]
    assert [entry["action"] for entry in joined] == ["node.join"]
    status = admin.get("/api/v1/system/status").json()
    assert [n["spool_bytes"] for n in status["nodes"] if n["id"] == public_id("node", node_id)] == [11]


def test_a_card_that_is_gone_is_shown_as_absent_and_comes_back_as_itself(node: TestClient) -> None:
    node_id = new_uuid()
    before = node.post("/api/v1/nodes/heartbeat", json=beat(node_id, CARD)).json()["accelerators"]
    without = node.post("/api/v1/nodes/heartbeat", json=beat(node_id)).json()["accelerators"]
    assert [card["present"] for card in without] == [False]
    sick = CARD.model_copy(update={"healthy": False, "problem": "XID 79"})
    after = node.post("/api/v1/nodes/heartbeat", json=beat(node_id, sick)).json()["accelerators"]
    assert [(card["id"], card["healthy"], card["problem"]) for card in after] == [(before[0]["id"], False, "XID 79")]


def test_a_silent_node_is_unreachable(node: TestClient, admin: TestClient, session_factory: SessionFactory) -> None:
    node_id = new_uuid()
    node.post("/api/v1/nodes/heartbeat", json=beat(node_id))
    with transaction(session_factory) as session:
        session.execute(update(Node).values(observed_at=clock.now() - timedelta(minutes=1)).where(Node.id == node_id))
    assert admin.get(f"/api/v1/nodes/{public_id('node', node_id)}").json()["state"] == "unreachable"


def test_a_newer_agent_is_refused_with_a_sentence(node: TestClient) -> None:
    answer = node.post("/api/v1/nodes/heartbeat", json={**beat(new_uuid()), "format": 99})
    assert answer.status_code == 400
    assert "Upgrade the control plane" in answer.json()["error"]["message"]


def test_the_last_figures_health_and_links_of_a_card_are_shown(node: TestClient, admin: TestClient) -> None:
    node_id = new_uuid()
    told = CARD.model_copy(
        update={
            "uuid": "GPU-1",
            "bus_id": "0000:17:00.0",
            "utilization": 0.5,
            "memory_used_bytes": 7,
            "power_limit_watts": 700.0,
            "health": HealthReport(state="warning", reasons=("It is hot.",)),
            "links": (LinkReport(peer_index=1, kind="fabric", name="NV18"),),
        }
    )
    node.post("/api/v1/nodes/heartbeat", json=beat(node_id, told))
    [card] = admin.get(f"/api/v1/nodes/{public_id('node', node_id)}").json()["accelerators"]
    assert card["health"] == {"state": "warning", "reasons": ["It is hot."]}
    assert (card["utilization"], card["memory_used_bytes"], card["temperature_celsius"]) == (0.5, 7, None)
    assert (card["bus_id"], card["power_limit_watts"], card["links"][0]["name"]) == ("0000:17:00.0", 700.0, "NV18")


@pytest.mark.parametrize(
    ("more", "health"),
    [
        ({"healthy": True}, {"state": "ok", "reasons": []}),
        ({"healthy": False, "problem": "Xid 79."}, {"state": "failed", "reasons": ["Xid 79."]}),
        ({"health": {"state": "sleepy"}}, {"state": "unknown", "reasons": []}),
    ],
)
def test_agents_of_other_versions_are_understood(
    node: TestClient, more: dict[str, object], health: dict[str, object]
) -> None:
    """The first version said only whether a card is healthy; a later one may have a word that we do not know."""
    first = CARD.model_dump(mode="json", include={"key", "index", "vendor", "family", "name"})
    answer = node.post("/api/v1/nodes/heartbeat", json={**beat(new_uuid()), "accelerators": [{**first, **more}]})
    assert answer.status_code == 200, answer.text
    assert answer.json()["accelerators"][0]["health"] == health


def test_two_cards_of_one_key_do_not_cost_the_heartbeat(node: TestClient) -> None:
    answer = node.post("/api/v1/nodes/heartbeat", json=beat(new_uuid(), CARD, CARD.model_copy(update={"index": 1})))
    assert answer.status_code == 200, answer.text
    assert [card["index"] for card in answer.json()["accelerators"]] == [1]
