"""API keys: made, listed, revoked; the secret shown once; the snapshot hurried."""

import hashlib

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from appliance.base import clock
from appliance.base.secret_files import Secret, read_secret
from appliance.base.settings import Settings
from control_plane.database.nudge import SNAPSHOT
from control_plane.database.session import SessionFactory, transaction
from control_plane.keys.repository import live_keys
from control_plane.keys.tables import ApiKey
from tests.fixtures.admin_api import Nudges


def test_the_secret_is_shown_once_and_kept_as_a_digest(admin: TestClient, session_factory: SessionFactory) -> None:
    made = admin.post("/api/v1/keys", json={"name": "notebook"}).json()
    secret = made["secret"]
    assert secret.startswith("sk-ts-")
    listed = admin.get("/api/v1/keys", params={"limit": 100})
    assert made["id"] in [key["id"] for key in listed.json()["data"]]
    assert secret not in listed.text
    with transaction(session_factory) as session:
        digests = session.scalars(select(ApiKey.digest)).all()
    assert hashlib.sha256(secret.encode()).hexdigest() in digests


def test_a_key_belongs_to_the_default_project_and_its_maker(admin: TestClient) -> None:
    projects = admin.get("/v1/organization/projects").json()["data"]
    made = admin.post("/api/v1/keys", json={"name": "n", "allowed_models": ["sails-guide"]}).json()
    assert made["project_id"] == projects[0]["id"]
    assert made["user_id"].startswith("user-")
    assert made["allowed_models"] == ["sails-guide"]


def test_revoking_hides_a_key_hurries_the_snapshot_and_is_idempotent(
    admin: TestClient, nudges: Nudges, session_factory: SessionFactory
) -> None:
    made = admin.post("/api/v1/keys", json={"name": "short-lived"}).json()
    nudges.names.clear()
    first = admin.delete(f"/api/v1/keys/{made['id']}").json()
    assert first["revoked_at"] is not None
    assert nudges.names == [SNAPSHOT]
    assert admin.delete(f"/api/v1/keys/{made['id']}").json() == first
    assert nudges.names == [SNAPSHOT]
    with transaction(session_factory) as session:
        assert made["redacted"].split("-")[2] not in [key.display_id for key in live_keys(session, at=clock.now())]
    shown = admin.get("/api/v1/keys", params={"limit": 100, "include_revoked": True}).json()["data"]
    assert made["id"] in [key["id"] for key in shown]


def test_the_first_key_is_the_one_in_the_home(
    database_settings: Settings, session_factory: SessionFactory, admin: TestClient
) -> None:
    assert admin.get("/api/v1/keys").status_code == 200
    digest = hashlib.sha256(read_secret(database_settings.paths, Secret.FIRST_API_KEY).encode()).hexdigest()
    with transaction(session_factory) as session:
        assert digest in [key.digest for key in live_keys(session, at=clock.now())]


def test_a_list_pages_to_its_end(admin: TestClient) -> None:
    for number in range(3):
        admin.post("/api/v1/keys", json={"name": f"page {number}"})
    seen: list[str] = []
    after: str | None = None
    while True:
        page = admin.get("/api/v1/keys", params={"limit": 2, **({"after": after} if after else {})}).json()
        seen += [key["id"] for key in page["data"]]
        if not page["has_more"]:
            break
        after = page["last_id"]
    assert len(seen) == len(set(seen)) >= 3
    assert seen == sorted(seen)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": 5}, "name"),
        ({"name": "x", "nonsense": 1}, "nonsense"),
        ({"name": "x", "expires_at": 1}, "expires_at"),
        ({"name": "x", "project_id": "proj-1"}, "project_id"),
        ({"name": "nul\u0000"}, None),
    ],
)
def test_bad_bodies_are_answered_with_the_field(admin: TestClient, body: dict[str, object], param: str | None) -> None:
    answer = admin.post("/api/v1/keys", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param
    assert answer.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize("key_id", ["key-0123", "nonsense", f"key-{'0' * 32}", f"proj-{'0' * 32}"])
def test_an_unknown_key_is_not_found(admin: TestClient, key_id: str) -> None:
    assert admin.delete(f"/api/v1/keys/{key_id}").status_code == 404


def test_every_change_leaves_an_audit_entry_without_the_secret(admin: TestClient) -> None:
    made = admin.post("/api/v1/keys", json={"name": "audited"}).json()
    admin.delete(f"/api/v1/keys/{made['id']}")
    entries = admin.get("/api/v1/audit", params={"target": made["id"]})
    assert [entry["action"] for entry in entries.json()["data"]] == ["key.revoke", "key.create"]
    assert all(entry["actor_name"] == "admin" and entry["request_id"] for entry in entries.json()["data"])
    assert made["secret"] not in entries.text
