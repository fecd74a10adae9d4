"""Users over the API: roles and their limits, one-time passwords, being disabled and removed, one's own logins."""

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

from appliance.base import clock
from control_plane.access.domain import ProjectRole, Role
from control_plane.database.session import SessionFactory, transaction
from control_plane.keys.repository import live_keys
from tests.fixtures.admin_api import People

Connect = Callable[[str | None], TestClient]
PASSWORD = "four unrelated plain words"


def default_project(admin: TestClient) -> str:
    return str(admin.get("/v1/organization/projects").json()["first_id"])


def member_of(project: str, role: ProjectRole = ProjectRole.DEVELOPER) -> dict[str, ProjectRole]:
    return {project.replace("-", "_"): role}


def live_ids(factory: SessionFactory) -> set[str]:
    with transaction(factory) as session:
        return {f"key-{key.id.hex}" for key in live_keys(session, at=clock.now())}


def add(admin: TestClient, name: str, role: str = "viewer") -> tuple[str, str]:
    made = admin.post("/api/v1/users", json={"name": name, "role": role})
    assert made.status_code == 201, made.text
    return made.json()["user"]["id"], made.json()["password"]


def test_a_one_time_password_is_changed_at_the_first_login(admin: TestClient, connect: Connect) -> None:
    _, password = add(admin, "Emma")
    client = connect(None)
    login = client.post("/api/v1/session", json={"name": "emma", "password": password})
    assert login.json()["must_change_password"] is True
    refused = client.get("/api/v1/nodes")
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "password_change_required")
    assert client.get("/api/v1/session").status_code == 200
    wrong = client.post("/api/v1/session/password", json={"current_password": "no", "new_password": PASSWORD})
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (400, "wrong_password")
    weak = client.post("/api/v1/session/password", json={"current_password": password, "new_password": "short"})
    assert (weak.status_code, weak.json()["error"]["code"]) == (400, "weak_password")
    body = {"current_password": password, "new_password": PASSWORD}
    assert client.post("/api/v1/session/password", json=body).status_code == 204
    assert client.get("/api/v1/nodes").status_code == 200
    again = connect(None).post("/api/v1/session", json={"name": "emma", "password": password})
    assert again.status_code == 401


def test_a_changed_password_ends_the_other_logins(admin: TestClient, connect: Connect) -> None:
    _, password = add(admin, "frank")
    one, other = connect(None), connect(None)
    for client in (one, other):
        assert client.post("/api/v1/session", json={"name": "frank", "password": password}).status_code == 201
    assert [each["current"] for each in one.get("/api/v1/sessions").json()["data"]] == [True, False]
    body = {"current_password": password, "new_password": PASSWORD}
    assert one.post("/api/v1/session/password", json=body).status_code == 204
    assert one.get("/api/v1/session").status_code == 200
    assert other.get("/api/v1/session").status_code == 401


def test_nobody_ends_the_login_of_another(people: People) -> None:
    mine, theirs = people.client(Role.VIEWER), people.client(Role.VIEWER)
    [session] = theirs.get("/api/v1/sessions").json()["data"]
    assert mine.delete(f"/api/v1/sessions/{session['id']}").status_code == 404
    assert theirs.delete(f"/api/v1/sessions/{session['id']}").status_code == 200
    assert theirs.get("/api/v1/session").status_code == 401


def test_a_disabled_user_is_out_and_so_are_the_keys(
    admin: TestClient, people: People, session_factory: SessionFactory
) -> None:
    project = default_project(admin)
    user_id = people.add(Role.DEVELOPER, **member_of(project))
    client = people.log_in(user_id)
    key = client.post("/api/v1/keys", json={"name": "mine"}).json()["id"]
    assert key in live_ids(session_factory)
    one = f"/api/v1/users/user-{user_id.hex}"
    assert admin.patch(one, json={"disabled": True}).json()["x_disabled"] is True
    assert client.get("/api/v1/session").status_code == 401
    assert key not in live_ids(session_factory)
    admin.patch(one, json={"disabled": False})
    assert key in live_ids(session_factory)


@pytest.mark.parametrize("way", ["leaves the project", "is removed", "project is archived"])
def test_the_keys_of_one_who_goes_stop_and_a_service_accounts_go_on(
    admin: TestClient, people: People, session_factory: SessionFactory, way: str
) -> None:
    project = admin.post("/v1/organization/projects", json={"name": way}).json()["id"]
    user_id = people.add(Role.VIEWER, **member_of(project, ProjectRole.ADMIN))
    client = people.log_in(user_id)
    key = client.post("/api/v1/keys", json={"name": "mine", "project_id": project}).json()["id"]
    path = f"/v1/organization/projects/{project}/service_accounts"
    robot = client.post(path, json={"name": "robot"}).json()["api_key"]["id"]
    assert {key, robot} <= live_ids(session_factory)
    if way == "leaves the project":
        admin.delete(f"/v1/organization/projects/{project}/users/user-{user_id.hex}")
    elif way == "is removed":
        admin.delete(f"/v1/organization/users/user-{user_id.hex}")
    else:
        admin.post(f"/v1/organization/projects/{project}/archive")
    expected: set[str] = set() if way == "project is archived" else {robot}
    assert live_ids(session_factory) & {key, robot} == expected


def test_a_name_is_free_again_after_a_removal(admin: TestClient) -> None:
    first, _ = add(admin, "gina")
    taken = admin.post("/api/v1/users", json={"name": "GINA"})
    assert (taken.status_code, taken.json()["error"]["code"]) == (400, "already_exists")
    assert admin.delete(f"/v1/organization/users/{first}").status_code == 200
    second, _ = add(admin, "gina")
    assert first != second


def test_an_admin_does_not_touch_owners(people: People) -> None:
    boss, owner = people.client(Role.ADMIN), people.add(Role.OWNER)
    one = f"/api/v1/users/user-{owner.hex}"
    assert boss.patch(one, json={"role": "viewer"}).status_code == 403
    assert boss.patch(one, json={"disabled": True}).status_code == 403
    assert boss.post(f"{one}/password").status_code == 403
    assert boss.delete(f"{one}/sessions").status_code == 403
    assert boss.delete(f"/v1/organization/users/user-{owner.hex}").status_code == 403
    assert boss.post("/api/v1/users", json={"name": "mallory", "role": "owner"}).status_code == 403
    someone = people.add(Role.VIEWER)
    assert boss.patch(f"/api/v1/users/user-{someone.hex}", json={"role": "owner"}).status_code == 403
    assert boss.patch(f"/api/v1/users/user-{someone.hex}", json={"role": "operator"}).status_code == 200
    key = {"name": "k", "x_role": "owner"}
    assert boss.post("/v1/organization/admin_api_keys", json=key).status_code == 403


def test_the_boxs_own_admin_stays(admin: TestClient) -> None:
    [builtin] = [
        user for user in admin.get("/v1/organization/users", params={"limit": 100}).json()["data"]
        if user["name"] == "admin"
    ]  # fmt: skip
    for answer in (
        admin.delete(f"/v1/organization/users/{builtin['id']}"),
        admin.patch(f"/api/v1/users/{builtin['id']}", json={"disabled": True}),
        admin.patch(f"/api/v1/users/{builtin['id']}", json={"role": "viewer"}),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "builtin_admin")


def test_an_admin_key_falls_with_its_users_role(people: People, connect: Connect) -> None:
    owner = people.add(Role.OWNER)
    boss = people.log_in(owner)
    secret = boss.post("/v1/organization/admin_api_keys", json={"name": "k"}).json()["value"]
    client = connect(secret)
    assert client.get("/v1/organization/users").status_code == 200
    narrow = boss.post("/v1/organization/admin_api_keys", json={"name": "n", "x_role": "auditor"}).json()["value"]
    assert connect(narrow).get("/api/v1/audit").status_code == 200
    assert connect(narrow).post("/api/v1/keys", json={"name": "x"}).status_code == 403
    other = people.client(Role.OWNER)
    assert other.patch(f"/api/v1/users/user-{owner.hex}", json={"role": "viewer"}).status_code == 200
    assert client.get("/v1/organization/users").status_code == 403
    other.patch(f"/api/v1/users/user-{owner.hex}", json={"disabled": True})
    assert client.get("/api/v1/nodes").status_code == 401
