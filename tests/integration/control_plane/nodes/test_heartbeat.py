"""Nodes as their agents report them."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from fastapi.testclient import TestClient
from sqlalchemy import update

from appliance.base import clock
from appliance.base.contracts.heartbeat import AcceleratorReport, Heartbeat
from appliance.base.ids import new_uuid, public_id
from control_plane.database.session import SessionFactory, transaction
from control_plane.nodes.tables import Node

CARD = AcceleratorReport(key="GPU-1", index=0, vendor="nvidia", family="hopper", name="H100", memory_bytes=80 * 2**30)


def beat(node_id: UUID, *cards: AcceleratorReport) -> dict[str, Any]:
    return Heartbeat(
        node_id=node_id,
        hostname="rack-1",
        address="10.0.0.1",
        appliance_version="0.1.0",
        os="Debian GNU/Linux 12",
        architecture="x86_64",
        cpu_model="EPYC",
        cpu_count=2,
        memory_bytes=24 * 2**30,
        accelerators=cards,
        spool_bytes=11,
    ).model_dump(mode="json")


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


def test_a_silent_node_counts_as_lost(node: TestClient, admin: TestClient, session_factory: SessionFactory) -> None:
    node_id = new_uuid()
    node.post("/api/v1/nodes/heartbeat", json=beat(node_id))
    with transaction(session_factory) as session:
        session.execute(update(Node).values(observed_at=clock.now() - timedelta(minutes=1)).where(Node.id == node_id))
    assert admin.get(f"/api/v1/nodes/{public_id('node', node_id)}").json()["state"] == "lost"


def test_a_newer_agent_is_refused_with_a_sentence(node: TestClient) -> None:
    answer = node.post("/api/v1/nodes/heartbeat", json={**beat(new_uuid()), "format": 99})
    assert answer.status_code == 400
    assert "Upgrade the control plane" in answer.json()["error"]["message"]
