"""What a key may do and where: projects apart, scopes, networks, rotation, last use, and what the gateway is told."""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from appliance.base import clock
from appliance.base.contracts.snapshot import SNAPSHOT_FILE, Snapshot, SnapshotKey
from appliance.base.settings import Settings
from control_plane.access.domain import ProjectRole, Role
from control_plane.database.session import SessionFactory, transaction
from control_plane.first_run import write_first_rows
from control_plane.keys.tables import ApiKey
from control_plane.reconcilers.snapshot import SnapshotReconciler
from tests.fixtures.admin_api import People

Connect = Callable[[str | None], TestClient]


@pytest.fixture
def projects(admin: TestClient) -> tuple[str, str]:
    made = [admin.post("/v1/organization/projects", json={"name": name}).json()["id"] for name in ("ours", "theirs")]
    return made[0], made[1]


def member_of(project: str, role: ProjectRole) -> dict[str, ProjectRole]:
    return {project.replace("-", "_"): role}


def make(client: TestClient, **fields: Any) -> dict[str, Any]:
    answer = client.post("/api/v1/keys", json={"name": "k", **fields})
    assert answer.status_code == 201, answer.text
    return answer.json()


def snapshot(factory: SessionFactory, folder: Path) -> dict[str, SnapshotKey]:
    """By digest, as a gateway reads it."""
    SnapshotReconciler(factory, folder, lambda _: None).run()
    written = Snapshot.model_validate_json((folder / SNAPSHOT_FILE).read_bytes())
    return {key.digest: key for key in written.keys}


def start(name: str, key_id: str, project_id: str, at: float) -> dict[str, Any]:
    """The record that a gateway writes before it asks an engine."""
    return {
        "record": "start",
        "request_id": f"req-{name}",
        "key_id": key_id,
        "project_id": project_id,
        "served_model_id": "srv-1",
        "version_id": "ver-1",
        "model": "m",
        "endpoint": "/v1/chat/completions",
        "started_at": at,
        "reserved_prompt_tokens": 1,
        "reserved_completion_tokens": 1,
    }


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def test_projects_do_not_see_each_others_keys(admin: TestClient, people: People, projects: tuple[str, str]) -> None:
    ours, theirs = projects
    developer = people.client(Role.DEVELOPER, **member_of(ours, ProjectRole.DEVELOPER))
    mine, foreign = make(developer, project_id=ours), make(admin, project_id=theirs)
    assert [key["id"] for key in developer.get("/api/v1/keys").json()["data"]] == [mine["id"]]
    assert developer.get("/api/v1/keys", params={"project_id": theirs}).json()["data"] == []
    assert developer.post("/api/v1/keys", json={"name": "x", "project_id": theirs}).status_code == 404
    assert developer.post("/api/v1/keys", json={"name": "x"}).status_code == 404, "not of the default project"
    one = f"/api/v1/keys/{foreign['id']}"
    for answer in (
        developer.get(one),
        developer.delete(one),
        developer.patch(one, json={"name": "x"}),
        developer.post(f"{one}/rotate", json={}),
        developer.get(f"/v1/organization/projects/{theirs}"),
        developer.get(f"/v1/organization/projects/{theirs}/api_keys"),
    ):
        assert answer.status_code == 404
    assert [each["id"] for each in developer.get("/v1/organization/projects").json()["data"]] == [ours]


def test_a_developer_changes_own_keys_and_the_projects_admin_all(people: People, projects: tuple[str, str]) -> None:
    ours, _ = projects
    one = people.client(Role.VIEWER, **member_of(ours, ProjectRole.DEVELOPER))
    other = people.client(Role.VIEWER, **member_of(ours, ProjectRole.DEVELOPER))
    boss = people.client(Role.VIEWER, **member_of(ours, ProjectRole.ADMIN))
    viewer = people.client(Role.VIEWER, **member_of(ours, ProjectRole.VIEWER))
    key = make(one, project_id=ours)["id"]
    assert other.get(f"/api/v1/keys/{key}").status_code == 200
    assert other.delete(f"/api/v1/keys/{key}").status_code == 403
    assert viewer.get(f"/api/v1/keys/{key}").status_code == 403
    assert one.patch(f"/api/v1/keys/{key}", json={"name": "renamed"}).json()["name"] == "renamed"
    assert boss.delete(f"/api/v1/keys/{key}").status_code == 200


def test_the_gateway_is_told_what_a_key_may_do(
    admin: TestClient, session_factory: SessionFactory, tmp_path: Path
) -> None:
    made = make(admin, scopes=["inference"], allowed_networks=["10.0.0.0/8", "::1"], allowed_models=["sails-guide"])
    assert made["allowed_networks"] == ["10.0.0.0/8", "::1/128"]
    told = snapshot(session_factory, tmp_path)[digest(made["secret"])]
    assert (told.scopes, told.allowed_networks) == (("inference",), ("10.0.0.0/8", "::1/128"))
    assert told.organization_id is not None
    admin.patch(f"/api/v1/keys/{made['id']}", json={"scopes": None, "allowed_networks": None})
    told = snapshot(session_factory, tmp_path)[digest(made["secret"])]
    assert (told.scopes, told.allowed_networks, told.allowed_models) == (None, None, ("sails-guide",))


@pytest.mark.parametrize(
    ("fields", "param"),
    [({"scopes": ["everything"]}, "scopes"), ({"allowed_networks": ["10.0.0.1/8"]}, "allowed_networks")],
)
def test_wrong_scopes_and_networks_are_named(admin: TestClient, fields: dict[str, Any], param: str) -> None:
    answer = admin.post("/api/v1/keys", json={"name": "k", **fields})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


def test_both_secrets_work_until_the_overlap_ends(
    admin: TestClient, session_factory: SessionFactory, tmp_path: Path
) -> None:
    first = make(admin)
    second = admin.post(f"/api/v1/keys/{first['id']}/rotate", json={"overlap_seconds": 3600}).json()
    assert (second["id"], second["redacted"]) == (first["id"], first["redacted"])
    told = snapshot(session_factory, tmp_path)
    old, new = told[digest(first["secret"])], told[digest(second["secret"])]
    assert old.key_id == new.key_id == first["id"]
    assert new.expires_at is None
    assert old.expires_at is not None
    assert 3500 < old.expires_at - clock.unix_time() <= 3600
    third = admin.post(f"/api/v1/keys/{first['id']}/rotate", json={"overlap_seconds": 3600}).json()
    told = snapshot(session_factory, tmp_path)
    assert digest(first["secret"]) not in told, "one secret before the newest, no more"
    assert {digest(second["secret"]), digest(third["secret"])} <= set(told)
    with transaction(session_factory) as session:
        session.execute(update(ApiKey).values(previous_expires_at=clock.now() - timedelta(seconds=1)))
    assert digest(second["secret"]) not in snapshot(session_factory, tmp_path)
    last = admin.post(f"/api/v1/keys/{first['id']}/rotate", json={"overlap_seconds": 0}).json()
    assert digest(third["secret"]) not in snapshot(session_factory, tmp_path)
    assert digest(last["secret"]) in snapshot(session_factory, tmp_path)


def test_the_first_key_is_not_made_again_after_its_rotation(
    admin: TestClient, session_factory: SessionFactory, database_settings: Settings
) -> None:
    [first] = [
        key for key in admin.get("/api/v1/keys", params={"limit": 100}).json()["data"] if key["name"] == "first key"
    ]
    admin.post(f"/api/v1/keys/{first['id']}/rotate", json={"overlap_seconds": 0})
    with transaction(session_factory) as session:
        write_first_rows(session, database_settings.paths, now=clock.now())
    listed = admin.get("/api/v1/keys", params={"limit": 100}).json()["data"]
    assert [key["id"] for key in listed if key["name"] == "first key"] == [first["id"]]


def test_the_last_use_comes_from_the_usage_records(admin: TestClient, node: TestClient) -> None:
    made = make(admin)
    assert made["last_used_at"] is None
    started = clock.unix_time()
    for number, at in enumerate((started - 60, started, started - 30)):
        record = start(f"{made['id']}-{number}", made["id"], made["project_id"], at)
        assert node.post("/api/v1/usage/events", json={"records": [record]}).status_code == 200
    assert admin.get(f"/api/v1/keys/{made['id']}").json()["last_used_at"] == int(started)
    unknown = start("unknown", "key-" + "0" * 32, made["project_id"], started)
    assert node.post("/api/v1/usage/events", json={"records": [unknown]}).status_code == 200


def test_a_key_with_an_admin_scope_reads_its_own_project(
    admin: TestClient, people: People, connect: Connect, projects: tuple[str, str]
) -> None:
    ours, theirs = projects
    boss = people.client(Role.VIEWER, **member_of(ours, ProjectRole.ADMIN), **member_of(theirs, ProjectRole.ADMIN))
    reads = make(boss, project_id=ours, scopes=["admin_read"])["secret"]
    assert [each["id"] for each in connect(reads).get("/v1/organization/projects").json()["data"]] == [ours]
    assert connect(reads).post("/api/v1/keys", json={"name": "x", "project_id": ours}).status_code == 403
    assert connect(reads).get("/api/v1/nodes").status_code == 403
    writes = make(boss, project_id=ours, scopes=["admin_write"])["secret"]
    assert connect(writes).post("/api/v1/keys", json={"name": "x", "project_id": ours}).status_code == 201
    assert connect(writes).post("/api/v1/keys", json={"name": "x", "project_id": theirs}).status_code == 404
    plain = make(boss, project_id=ours)["secret"]
    assert connect(plain).get("/v1/organization/projects").status_code == 401
    walled = make(boss, project_id=ours, scopes=["admin_read"], allowed_networks=["192.0.2.0/24"])["secret"]
    assert connect(walled).get("/v1/organization/projects").status_code == 401
    assert admin.get("/v1/organization/projects").status_code == 200


def test_usage_is_of_ones_own_projects(admin: TestClient, node: TestClient, people: People, projects: Any) -> None:
    ours, theirs = projects
    for project, count in ((ours, 1), (theirs, 2)):
        key = make(admin, project_id=project)
        for number in range(count):
            record = start(f"{project}-{number}", key["id"], project, clock.unix_time())
            node.post("/api/v1/usage/events", json={"records": [record]})
    member = people.client(Role.VIEWER, **member_of(ours, ProjectRole.VIEWER))

    def seen(client: TestClient) -> set[str]:
        page = client.get("/api/v1/usage", params={"group_by": "project_id"}).json()
        return {result["project_id"] for bucket in page["data"] for result in bucket["results"]}

    assert seen(member) == {ours}
    assert {ours, theirs} <= seen(people.client(Role.AUDITOR))
    assert seen(people.client(Role.VIEWER)) == set()
