"""`?fits=true` over real rows: what a heartbeat said, what a placement holds, and what is added is seen at once."""

from typing import Any

from fastapi.testclient import TestClient

from appliance.base.contracts.heartbeat import AcceleratorReport
from appliance.base.ids import new_uuid, public_id
from appliance.placement.layouts import Layout
from appliance.placement.plans import Part
from control_plane.catalogue.schemas import FitsVerdict
from control_plane.database.session import SessionFactory, transaction
from control_plane.placements import repository as placements
from control_plane.placements.domain import Seat
from control_plane.served_models.tables import ManagedBy, ServedModel
from control_plane.tenants.service import default_project
from control_plane.versions.tables import ModelVersion
from tests.fixtures.catalogue_entries import figure, raw_entry
from tests.fixtures.heartbeats import beat

NODE = new_uuid()
CARD = AcceleratorReport(
    key="GPU-1", index=0, vendor="nvidia", family="cuda", name="NVIDIA H100 80GB HBM3", memory_bytes=80 * 2**30
)


def sized(name: str, gib: int) -> dict[str, Any]:
    document = raw_entry(name)
    variant = document["variants"][0] | {"weight_bytes": figure(gib * 2**30)}
    return document | {"variants": [variant], "task": "chat"}


def fits(client: TestClient, name: str) -> dict[str, Any]:
    listed = client.get("/api/v1/catalogue", params={"fits": True}).json()["data"]
    one = client.get(f"/api/v1/catalogue/{name}", params={"fits": True}).json()
    assert one == next(item for item in listed if item["id"] == name)
    return one["fits"]


def hold_the_card(factory: SessionFactory) -> None:
    layout = Layout("vllm-cuda", "cuda", 70 * 2**30, product=CARD.name)
    seat = Seat(layout=layout, parts=(Part(public_id("node", NODE), (0,), (CARD.key,)),))
    with transaction(factory) as session:
        project = default_project(session)
        version = ModelVersion(project_id=project.id, model_name="held", task="chat", source={}, engine={})
        session.add(version)
        session.flush()
        served = ServedModel(
            project_id=project.id,
            name="held",
            version_id=version.id,
            task="chat",
            managed_by=ManagedBy.CLI,
            max_model_len=2048,
        )
        session.add(served)
        session.flush()
        placements.add(session, key=new_uuid(), served_model_id=served.id, version_id=version.id, seat=seat)


def test_from_no_nodes_to_a_full_one(admin: TestClient, node: TestClient, session_factory: SessionFactory) -> None:
    body = {"entries": [sized("small", 10), sized("large", 400)]}
    assert admin.post("/api/v1/catalogue/entries", json=body).status_code == 201
    assert fits(admin, "small") | {"reason": "There are no nodes."} == fits(admin, "small")

    node.post("/api/v1/nodes/heartbeat", json=beat(NODE, CARD, cores=4))
    assert "No engine pack that is installed here serves chat models" in fits(admin, "small")["reason"]

    node.post("/api/v1/nodes/heartbeat", json=beat(NODE, CARD, cores=4, packs=("vllm-cuda",)))
    small = fits(admin, "small")
    assert (small["verdict"], small["pack"], small["product"], small["cards"], small["reason"]) == (
        FitsVerdict.NOW,
        "vllm-cuda",
        CARD.name,
        1,
        None,
    )
    large = fits(admin, "large")
    assert large["verdict"] == FitsVerdict.NEVER
    assert "rack-1" in large["reason"] or "missing on each" in large["reason"]

    hold_the_card(session_factory)
    small = fits(admin, "small")
    assert (small["verdict"], small["cards"]) == (FitsVerdict.IF_EMPTY, 1)
    assert "Node rack-1: 0 of the 1 card needed free" in small["reason"]

    admin.post(f"/api/v1/nodes/{public_id('node', NODE)}/drain")
    assert fits(admin, "small")["verdict"] == FitsVerdict.NEVER
    assert "draining" in fits(admin, "small")["reason"]

    admin.put("/api/v1/catalogue/entries/small", json={"entry": sized("small", 11)})
    admin.post(f"/api/v1/nodes/{public_id('node', NODE)}/undrain")
    node.post("/api/v1/nodes/heartbeat", json=beat(NODE, CARD, cores=4, packs=("vllm-cuda", "vllm-cpu")))
    small = fits(admin, "small")
    assert (small["verdict"], small["pack"], small["cards"]) == (FitsVerdict.NOW, "vllm-cpu", 0)
