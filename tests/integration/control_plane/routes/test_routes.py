"""Routes and endpoints through the admin API: names are unique, keys are sealed, the snapshot says what was decided."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from appliance.base.contracts.routes import sealing_context
from appliance.base.contracts.snapshot import SNAPSHOT_FILE, Snapshot
from appliance.base.ids import public_id
from appliance.base.sealing import Sealer
from appliance.base.secret_files import Secret, read_secret
from appliance.base.settings import Settings
from control_plane.access.domain import SYSTEM
from control_plane.audit.tables import AuditEntry
from control_plane.database.session import SessionFactory, transaction
from control_plane.reconcilers.snapshot import SnapshotReconciler
from control_plane.routes.tables import ExternalEndpointRow
from control_plane.served_models import service
from control_plane.served_models.service import NewServedModel
from control_plane.tenants.service import ensure_default_tenant
from control_plane.versions.tables import ModelVersion, VersionState

KEY = "sk-elsewhere-very-secret"


@pytest.fixture(autouse=True)
def served(admin: TestClient, session_factory: SessionFactory) -> Iterator[None]:
    """Two models, `a` and `b`, and no routes or endpoints of another test."""
    with transaction(session_factory) as session:
        project, _ = ensure_default_tenant(session)
        for name in ("a", "b"):
            if service.repository.by_name(session, name) is None:
                version = ModelVersion(
                    project_id=project.id, model_name=name, task="chat", state=VersionState.READY, source={},
                    engine={"max_model_len": 512 if name == "a" else 256}, digest="ab" * 32, path="/nowhere",
                )  # fmt: skip
                session.add(version)
                session.flush()
                new = NewServedModel(name=name, version_id=public_id("ver", version.id))
                service.create(session, SYSTEM, new)
    yield
    for route in admin.get("/api/v1/routes").json()["data"]:
        admin.delete(f"/api/v1/routes/{route['name']}")
    for endpoint in admin.get("/api/v1/endpoints").json()["data"]:
        admin.delete(f"/api/v1/endpoints/{endpoint['name']}")


def snapshot(session_factory: SessionFactory, folder: Path) -> Snapshot:
    SnapshotReconciler(factory=session_factory, folder=folder, announce=lambda _: None).run()
    return Snapshot.model_validate(json.loads((folder / SNAPSHOT_FILE).read_bytes()))


def two(*weights: int, **more: Any) -> dict[str, Any]:
    targets = [{"served_model": name, "weight": weight} for name, weight in zip("ab", weights, strict=True)]
    return {"tiers": [targets], **more}


def test_a_route_is_made_changed_and_removed(
    admin: TestClient, session_factory: SessionFactory, tmp_path: Path
) -> None:
    made = admin.post("/api/v1/routes", json={"name": "our/chat", **two(90, 10, sticky="key")})
    assert made.status_code == 201, made.text
    assert made.json()["tiers"] == [[{"target": "a", "weight": 90}, {"target": "b", "weight": 10}]]
    seen = snapshot(session_factory, tmp_path)
    model = next(one for one in seen.models if one.name == "our/chat")
    assert (model.max_model_len, model.task) == (256, "chat")
    assert [(t.model, t.weight) for t in seen.routes[0].tiers[0]] == [("a", 90), ("b", 10)]
    changed = admin.patch("/api/v1/routes/our/chat", json={"weights": {"b": 100, "a": 0}})
    assert [one["weight"] for one in changed.json()["tiers"][0]] == [0, 100]
    again = snapshot(session_factory, tmp_path)
    assert again.version > seen.version
    assert [t.target_id for t in again.routes[0].tiers[0]] == [t.target_id for t in seen.routes[0].tiers[0]]
    assert admin.delete("/api/v1/routes/our/chat").status_code == 200
    assert snapshot(session_factory, tmp_path).routes == ()
    with transaction(session_factory) as session:
        rows = session.scalars(select(AuditEntry).where(AuditEntry.target == "our/chat").order_by(AuditEntry.id))
        assert [row.action for row in rows] == ["route.create", "route.weights", "route.remove"]


def test_names_are_one_namespace(admin: TestClient) -> None:
    assert admin.post("/api/v1/routes", json={"name": "a", **two(1, 1)}).json()["error"]["code"] == "name_taken"
    assert admin.post("/api/v1/routes", json={"name": "mine", **two(1, 1)}).status_code == 201
    assert admin.post("/api/v1/routes", json={"name": "mine", **two(1, 1)}).json()["error"]["code"] == "name_taken"
    deploy = admin.post("/api/v1/served-models", json={"name": "mine", "model": "a"})
    assert (deploy.status_code, deploy.json()["error"]["code"]) == (400, "name_taken")


@pytest.mark.parametrize(
    "wanted",
    [
        two(0, 0),
        {"tiers": []},
        {"tiers": [[{"served_model": "a"}, {"served_model": "a"}]]},
        {"tiers": [[{"served_model": "none-such"}]]},
        {"tiers": [[{"endpoint": "none-such", "model": "m"}]]},
        {"tiers": [[{"served_model": "a", "endpoint": "x", "model": "m"}]]},
        two(1, 1, task="embedding"),
        two(1, 1, project_id="proj-x"),
    ],
)
def test_what_makes_no_sense_is_refused(admin: TestClient, wanted: dict[str, Any]) -> None:
    answer = admin.post("/api/v1/routes", json={"name": "odd", **wanted})
    assert answer.status_code in (400, 404), answer.text
    assert admin.get("/api/v1/routes/odd").status_code == 404


def test_weights_that_leave_nobody_are_refused(admin: TestClient) -> None:
    admin.post("/api/v1/routes", json={"name": "r", **two(1, 1)})
    assert admin.patch("/api/v1/routes/r", json={"weights": {"a": 0, "b": 0}}).status_code == 400
    assert admin.patch("/api/v1/routes/r", json={"weights": {"c": 1}}).status_code == 400
    assert [t["weight"] for t in admin.get("/api/v1/routes/r").json()["tiers"][0]] == [1, 1]


def test_a_key_is_sealed_and_never_shown(
    admin: TestClient, session_factory: SessionFactory, database_settings: Settings, tmp_path: Path
) -> None:
    wanted = {"name": "far", "base_url": "https://api.example.com/v1", "api_key": KEY}
    made = admin.post("/api/v1/endpoints", json=wanted)
    assert made.status_code == 201, made.text
    assert made.json()["has_key"] is True
    route = {"name": "out", "tiers": [[{"served_model": "a"}], [{"endpoint": "far", "model": "big-1"}]]}
    assert admin.post("/api/v1/routes", json=route).json()["tiers"][1] == [{"target": "@far/big-1", "weight": 1}]
    seen = snapshot(session_factory, tmp_path)
    sealed = seen.endpoints[0].sealed_key
    assert sealed is not None
    sealer = Sealer(read_secret(database_settings.paths, Secret.KEY_ENCRYPTION_KEY))
    assert sealer.open(sealed, context=sealing_context(seen.endpoints[0].endpoint_id)) == KEY
    everything = [admin.get(path).text for path in ("/api/v1/endpoints", "/api/v1/routes", "/api/v1/audit")]
    everything += [made.text, (tmp_path / SNAPSHOT_FILE).read_text()]
    assert not any(KEY in text for text in everything)
    with transaction(session_factory) as session:
        row = session.scalars(select(ExternalEndpointRow)).one()
        assert KEY not in str(row.sealed_key)
    refused = admin.delete("/api/v1/endpoints/far")
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "in_use")


@pytest.mark.parametrize(
    "base_url",
    [
        "http://api.example.com/v1", "https://127.0.0.1/v1", "https://169.254.169.254/", "https://localhost/v1",
        "https://10.0.0.8/v1", "ftp://example.com", "https://user:pass@example.com/v1", "https://example.com/v1?x=1",
        "https://example.com/v1\r\nx: y",
    ],
)  # fmt: skip
def test_addresses_that_lead_inside_are_refused(admin: TestClient, base_url: str) -> None:
    answer = admin.post("/api/v1/endpoints", json={"name": "inside", "base_url": base_url})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "base_url")


def test_an_admin_may_allow_a_private_address(admin: TestClient) -> None:
    wanted = {"name": "lan", "base_url": "http://10.0.0.8:8000/v1", "allow_private": True}
    assert admin.post("/api/v1/endpoints", json=wanted).status_code == 201


def test_a_key_that_could_break_a_header_is_refused(admin: TestClient) -> None:
    wanted = {"name": "odd", "base_url": "https://example.com/v1", "api_key": "x\r\nhost: evil"}
    answer = admin.post("/api/v1/endpoints", json=wanted)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "api_key")
    assert "evil" not in answer.text


def test_a_model_is_given_to_the_autoscaler_and_back(admin: TestClient) -> None:
    path = "/api/v1/served-models/a"
    scaled = admin.patch(path, json={"autoscaling": {"min_replicas": 0, "max_replicas": 3}}).json()
    assert (scaled["autoscaling"]["max_replicas"], scaled["desired_replicas"]) == (3, 1)
    assert admin.patch(path, json={"desired_replicas": 2}).json()["error"]["code"] == "autoscaled"
    fixed = admin.patch(path, json={"fixed": True, "desired_replicas": 2}).json()
    assert (fixed["autoscaling"], fixed["desired_replicas"]) == (None, 2)
    assert admin.patch(path, json={}).status_code == 400
    assert admin.patch(path, json={"autoscaling": {"min_replicas": 4, "max_replicas": 3}}).status_code == 400
    admin.patch(path, json={"desired_replicas": 1})
