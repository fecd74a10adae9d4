"""Every operation that changes something leaves an audit entry: each is called for real and the log is looked at.

A new operation fails here until it has its call. What machines report of themselves is not audited; a node's first
heartbeat is.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from appliance.base.ids import new_uuid, public_id
from appliance.base.settings import Settings
from control_plane.access.domain import Role
from control_plane.api.openapi import unconnected_application
from control_plane.audit.tables import AuditEntry
from control_plane.database.session import SessionFactory, transaction
from control_plane.licences.endpoints import this_box
from control_plane.licences.here import Here
from control_plane.versions.tables import ModelVersion, VersionState
from model_catalog.updates.reading import TRUST_FOLDER, signed_document
from tests.fixtures.admin_api import People
from tests.fixtures.catalogue_entries import raw_entry
from tests.fixtures.heartbeats import CARD, beat
from tests.fixtures.licences import Vendor, make_machine

NOT_AUDITED = {"POST /api/v1/usage/events", "POST /api/v1/nodes/heartbeat", "POST /api/v1/modelpacks/inspect"}
"""Reports of nodes, and a look that needs a body. May only shrink."""
OF_CLIENTS = "/v1/responses", "/api/v1/stored-responses"
"""What API keys do with their own answers is usage, not administration."""
PROJECTS = "/v1/organization/projects"
PASSWORD = "four unrelated plain words"


class Walk:
    """One admin's day: each operation once, in an order in which it makes sense; ids are kept by name."""

    def __init__(self, admin: TestClient, people: People, factory: SessionFactory) -> None:
        self.admin = admin
        self.people = people
        self.factory = factory
        self.ids: dict[str, str] = {}
        self.silent: list[str] = []
        self.seen: set[str] = set()

    def entries(self) -> int:
        with transaction(self.factory) as session:
            return session.scalar(select(func.count()).select_from(AuditEntry)) or 0

    def call(
        self, operation: str, path: str | None = None, body: Any = None, *, client: TestClient | None = None, **kw: Any
    ) -> Any:
        method, template = operation.split(" ")
        before = self.entries()
        answer = (client or self.admin).request(method, path or template, json=body, **kw)
        assert answer.status_code < 300, (operation, answer.text)
        self.seen.add(operation)
        if self.entries() <= before:
            self.silent.append(operation)
        return answer.json() if answer.content else {}


@pytest.fixture
def home_as_before(database_settings: Settings) -> Iterator[None]:
    """Other modules share the home: what a publisher and a vendor left there goes."""
    yield
    home = database_settings.paths
    for path in (*home.licences.glob("*"), *(home.root / TRUST_FOLDER).glob("*")):
        path.unlink()


@pytest.fixture
def walk(admin: TestClient, people: People, session_factory: SessionFactory) -> Walk:
    return Walk(admin, people, session_factory)


def logins(walk: Walk) -> None:
    added = walk.call("POST /api/v1/users", body={"name": "anna", "role": "developer", "email": "anna@example.com"})
    user = added["user"]["id"]
    walk.ids["user"] = user
    one = f"/v1/organization/users/{user}"
    walk.call("POST /v1/organization/users/{user_id}", one, {"role": "owner"})
    walk.call("PATCH /api/v1/users/{user_id}", f"/api/v1/users/{user}", {"role": "viewer"})
    fresh = walk.call("POST /api/v1/users/{user_id}/password", f"/api/v1/users/{user}/password")["password"]
    client = TestClient(walk.people.application)
    walk.call("POST /api/v1/session", body={"name": "anna", "password": fresh}, client=client)
    change = {"current_password": fresh, "new_password": PASSWORD}
    walk.call("POST /api/v1/session/password", body=change, client=client)
    TestClient(walk.people.application).post("/api/v1/session", json={"name": "anna", "password": PASSWORD})
    [other] = [each["id"] for each in client.get("/api/v1/sessions").json()["data"] if not each["current"]]
    walk.call("DELETE /api/v1/sessions/{session_id}", f"/api/v1/sessions/{other}", client=client)
    walk.call("DELETE /api/v1/session", client=client)
    walk.call("DELETE /api/v1/users/{user_id}/sessions", f"/api/v1/users/{user}/sessions")
    invite = walk.call("POST /v1/organization/invites", body={"email": "bo@example.com", "role": "reader"})
    guest = TestClient(walk.people.application, headers={"authorization": f"Bearer {invite['x_token']}"})
    walk.call("POST /api/v1/invites/accept", body={"password": PASSWORD}, client=guest)
    second = walk.call("POST /v1/organization/invites", body={"email": "cy@example.com", "role": "reader"})["id"]
    walk.call("DELETE /v1/organization/invites/{invite_id}", f"/v1/organization/invites/{second}")


def projects(walk: Walk) -> None:
    project = walk.call(f"POST {PROJECTS}", body={"name": "search"})["id"]
    one, user = f"{PROJECTS}/{project}", walk.ids["user"]
    at = f"{PROJECTS}/{{project_id}}"
    walk.call(f"POST {at}", one, {"name": "Search"})
    walk.call(f"POST {at}/users", f"{one}/users", {"user_id": user, "role": "member"})
    walk.call(f"POST {at}/users/{{user_id}}", f"{one}/users/{user}", {"role": "owner"})
    walk.call(f"DELETE {at}/users/{{user_id}}", f"{one}/users/{user}")
    account = walk.call(f"POST {at}/service_accounts", f"{one}/service_accounts", {"name": "nightly"})
    robot, kept = f"{one}/service_accounts/{account['id']}", f"{at}/service_accounts/{{service_account_id}}"
    walk.call(f"POST {kept}", robot, {"name": "Nightly"})
    walk.call(f"POST {kept}/api_keys", f"{robot}/api_keys", {"name": "second"})
    key = f"{one}/api_keys/{account['api_key']['id']}"
    walk.call(f"POST {at}/api_keys/{{key_id}}", key, {"scopes": ["inference"]})
    walk.call(f"DELETE {at}/api_keys/{{key_id}}", key)
    walk.call(f"DELETE {kept}", robot)
    walk.call(f"POST {at}/archive", f"{one}/archive")
    walk.call("DELETE /v1/organization/users/{user_id}", f"/v1/organization/users/{user}")


def keys(walk: Walk) -> None:
    key = walk.call("POST /api/v1/keys", body={"name": "notebook"})["id"]
    walk.call("PATCH /api/v1/keys/{key_id}", f"/api/v1/keys/{key}", {"name": "Notebook"})
    walk.call("POST /api/v1/keys/{key_id}/rotate", f"/api/v1/keys/{key}/rotate", {})
    walk.call("DELETE /api/v1/keys/{key_id}", f"/api/v1/keys/{key}")
    made = walk.call("POST /v1/organization/admin_api_keys", body={"name": "terraform"})["id"]
    walk.call("DELETE /v1/organization/admin_api_keys/{key_id}", f"/v1/organization/admin_api_keys/{made}")


def machines(walk: Walk, node: TestClient) -> None:
    found = node.post("/api/v1/nodes/heartbeat", json=beat(new_uuid(), CARD)).json()["id"]
    walk.call("POST /api/v1/nodes/{node_id}/drain", f"/api/v1/nodes/{found}/drain")
    walk.call("POST /api/v1/nodes/{node_id}/undrain", f"/api/v1/nodes/{found}/undrain")


def models(walk: Walk, folder: Path, home: Path) -> None:
    entries = "/api/v1/catalogue/entries"
    walk.call(f"POST {entries}", body={"entries": [raw_entry("a")]})
    walk.call(f"PUT {entries}/{{name}}", f"{entries}/a", {"entry": raw_entry("a", publisher="another")})
    walk.call(f"DELETE {entries}/{{name}}", f"{entries}/a")
    signer = Ed25519PrivateKey.generate()
    trusted = home / TRUST_FOLDER / "publisher.pub"
    trusted.parent.mkdir(parents=True, exist_ok=True)
    trusted.write_bytes(signer.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    update = {"sequence": 1, "issued": "2026-11-22T00:00:00Z", "entries": [raw_entry("b")]}
    walk.call(
        "POST /api/v1/catalogue/updates",
        content=signed_document(json.dumps(update).encode(), key=signer),
        headers={"content-type": "application/octet-stream"},
    )
    body = {"name": "tiny", "source_path": str(folder), "task": "embedding"}
    job = walk.call("POST /api/v1/imports", body=body)["job"]["id"]
    walk.call("POST /api/v1/jobs/{job_id}/cancel", f"/api/v1/jobs/{job}/cancel")
    walk.call("POST /api/v1/served-models", body={"name": "mine", "model": "sails-guide"})
    walk.call("PATCH /api/v1/served-models/{name}", "/api/v1/served-models/mine", {"desired_replicas": 2})
    routes(walk)
    exports(walk, folder)
    walk.call("DELETE /api/v1/served-models/{name}", "/api/v1/served-models/mine")


def routes(walk: Walk) -> None:
    at, tiers = "/api/v1/routes", [[{"served_model": "mine"}]]
    walk.call(f"POST {at}", body={"name": "assistant", "tiers": tiers})
    walk.call(f"PUT {at}/{{name}}", f"{at}/assistant", {"tiers": tiers, "sticky": "key"})
    walk.call(f"PATCH {at}/{{name}}", f"{at}/assistant", {"weights": {"mine": 5}})
    walk.call(f"DELETE {at}/{{name}}", f"{at}/assistant")
    endpoint = {"name": "elsewhere", "kind": "openai", "base_url": "https://llm.example.com/v1", "api_key": "sk-theirs"}
    walk.call("POST /api/v1/endpoints", body=endpoint)
    walk.call("DELETE /api/v1/endpoints/{name}", "/api/v1/endpoints/elsewhere")


def exports(walk: Walk, folder: Path) -> None:
    with transaction(walk.factory) as session:
        version = session.scalars(select(ModelVersion).where(ModelVersion.model_name == "sails-guide")).first()
        assert version is not None
        version.state, version.digest = VersionState.READY, "0" * 64
        version_id = public_id("ver", version.id)
    walk.call("POST /api/v1/exports", body={"version_id": version_id, "target": str(folder / "artifact")})
    key = Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    trusted = walk.call("POST /api/v1/signing-keys", body={"public_key": key.decode()})["id"]
    walk.call("DELETE /api/v1/signing-keys/{key_id}", f"/api/v1/signing-keys/{trusted}")


def licences(walk: Walk, application: FastAPI, settings: Settings, folder: Path) -> None:
    vendor = Vendor(folder / "vendor")
    here = Here(settings.paths, make_machine(folder / "machine"))
    application.dependency_overrides[this_box] = lambda: here
    trust = {"document": vendor.root_file.decode(), "fingerprint": vendor.root.fingerprint}
    walk.call("POST /api/v1/licence-roots", body=trust)
    request = walk.call("POST /api/v1/licence-requests")["document"]
    _, raw = vendor.issue(request.encode(), max_cards=8)
    walk.call("POST /api/v1/licences", body={"document": raw.decode()})
    application.dependency_overrides.clear()


def changing() -> set[str]:
    paths = unconnected_application().openapi()["paths"]
    return {
        f"{method.upper()} {path}"
        for path, item in paths.items()
        if not path.startswith(OF_CLIENTS)
        for method in item
        if method != "get"
    }


@pytest.mark.usefixtures("home_as_before")
def test_every_operation_that_changes_something_is_audited(
    walk: Walk, node: TestClient, application: FastAPI, database_settings: Settings, tmp_path: Path
) -> None:
    steps: list[Callable[[], None]] = [
        lambda: logins(walk),
        lambda: projects(walk),
        lambda: keys(walk),
        lambda: machines(walk, node),
        lambda: models(walk, tmp_path, database_settings.paths.root),
        lambda: licences(walk, application, database_settings, tmp_path),
    ]
    for step in steps:
        step()
    assert walk.seen == changing() - NOT_AUDITED, "Give the operation a call in this walk."
    assert walk.silent == []
    assert walk.admin.get("/api/v1/audit/verify").json()["holds"] is True
    assert walk.people.client(Role.AUDITOR).get("/api/v1/audit/verify").status_code == 200


def test_no_secret_is_in_the_log(walk: Walk) -> None:
    made = walk.admin.post("/api/v1/keys", json={"name": "k"}).json()
    secret = walk.admin.post("/v1/organization/admin_api_keys", json={"name": "k"}).json()["value"]
    rotated = walk.admin.post(f"/api/v1/keys/{made['id']}/rotate", json={}).json()["secret"]
    text = walk.admin.get("/api/v1/audit/export").text
    assert made["id"] in text
    for hidden in (made["secret"], secret, rotated):
        assert hidden not in text
        assert hidden[-20:] not in text
