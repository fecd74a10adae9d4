"""OpenAI's unmodified admin client runs an organization: users, invites, projects, members, accounts, keys, the log."""

from collections.abc import Callable
from typing import Any, cast

import openai
import pytest
from fastapi.testclient import TestClient
from openai import OpenAI

from control_plane.access.domain import Role
from tests.fixtures.admin_api import People

PASSWORD = "four unrelated plain words"
Connect = Callable[[str | None], TestClient]


@pytest.fixture
def organization(admin: TestClient, connect: Connect) -> Any:
    """Through an admin key, as a person would use it."""
    secret = admin.post("/v1/organization/admin_api_keys", json={"name": "terraform"}).json()["value"]
    assert secret.startswith("sk-admin-")
    return openai_client(connect(None), secret).admin.organization


def openai_client(client: TestClient, secret: str) -> OpenAI:
    return OpenAI(
        api_key="unused",
        admin_api_key=secret,
        base_url="http://testserver/v1",
        http_client=cast(Any, client),
        max_retries=0,
    )


def test_users_are_listed_changed_and_removed(organization: Any, people: People) -> None:
    user_id = f"user-{people.add(Role.VIEWER).hex}"
    found = organization.users.retrieve(user_id)
    assert (found.role, found.x_role) == ("reader", "viewer")
    assert organization.users.update(user_id, role="owner").role == "owner"
    assert organization.users.update(user_id, role="reader").x_role == "viewer"
    [only] = list(organization.users.list(emails=[found.email]))
    assert only.id == user_id
    deleted = organization.users.delete(user_id)
    assert (deleted.deleted, deleted.object) == (True, "organization.user.deleted")
    assert user_id not in [user.id for user in organization.users.list(limit=2)]
    with pytest.raises(openai.NotFoundError):
        organization.users.retrieve(user_id)


def test_reader_leaves_a_role_that_is_one(organization: Any, people: People) -> None:
    user_id = f"user-{people.add(Role.OPERATOR).hex}"
    assert organization.users.update(user_id, role="reader").x_role == "operator"


def test_an_invite_is_accepted_once(organization: Any, connect: Connect) -> None:
    project = organization.projects.create(name="search")
    wanted = [{"id": project.id, "role": "owner"}]
    invite = organization.invites.create(email="dora@example.com", role="reader", projects=wanted)
    assert (invite.status, invite.projects[0].role, invite.role) == ("pending", "owner", "reader")
    guest = connect(invite.x_token)
    assert guest.get("/v1/organization/users").status_code == 403
    assert guest.post("/api/v1/invites/accept", json={"password": "short"}).status_code == 400
    assert guest.post("/api/v1/invites/accept", json={"password": PASSWORD}).status_code == 201
    assert guest.post("/api/v1/invites/accept", json={"password": PASSWORD}).status_code == 401
    assert organization.invites.retrieve(invite.id).status == "accepted"
    login = connect(None).post("/api/v1/session", json={"email": "dora@example.com", "password": PASSWORD})
    assert login.json()["projects"] == {project.id: "admin"}
    with pytest.raises(openai.BadRequestError):
        organization.invites.delete(invite.id)


def test_projects_and_their_members(organization: Any, people: People) -> None:
    project = organization.projects.create(name="first name")
    assert organization.projects.update(project.id, name="second name").name == "second name"
    user_id = f"user-{people.add(Role.VIEWER).hex}"
    member = organization.projects.users.create(project.id, user_id=user_id, role="member")
    assert (member.id, member.role, member.x_role) == (user_id, "member", "developer")
    assert organization.projects.users.update(user_id, project_id=project.id, role="owner").x_role == "admin"
    assert user_id in [each.id for each in organization.projects.users.list(project.id)]
    assert organization.projects.users.delete(user_id, project_id=project.id).deleted
    archived = organization.projects.archive(project.id)
    assert (archived.status, archived.archived_at is not None) == ("archived", True)
    assert project.id not in [each.id for each in organization.projects.list()]
    assert project.id in [each.id for each in organization.projects.list(include_archived=True)]


def test_service_accounts_and_keys(organization: Any) -> None:
    project = organization.projects.create(name="robots")
    account = organization.projects.service_accounts.create(project.id, name="nightly", expires_in_seconds=3600)
    assert account.api_key.value.startswith("sk-ts-")
    assert account.api_key.expires_at is not None
    bare = organization.projects.service_accounts.create(project.id, name="bare", create_service_account_only=True)
    assert (bare.role, bare.api_key) == ("none", None)
    assert {each.name for each in organization.projects.service_accounts.list(project.id)} == {"nightly", "bare"}
    renamed = organization.projects.service_accounts.update(account.id, project_id=project.id, name="weekly")
    assert renamed.name == "weekly"
    second = organization.projects.service_accounts.api_keys.create(
        account.id, project_id=project.id, name="second", scopes=["inference"]
    )
    keys = list(organization.projects.api_keys.list(project.id))
    assert [key.owner.service_account.name for key in keys] == ["weekly", "weekly"]
    assert all(key.owner_project_access == "active" for key in keys)
    assert organization.projects.api_keys.delete(second.id, project_id=project.id).deleted
    assert organization.projects.service_accounts.delete(account.id, project_id=project.id).deleted
    assert list(organization.projects.api_keys.list(project.id)) == []


def test_admin_keys_and_the_log(organization: Any) -> None:
    made = organization.admin_api_keys.create(name="short", expires_in_seconds=60)
    assert organization.admin_api_keys.retrieve(made.id).redacted_value.startswith("sk-admin-")
    names = [key.name for key in organization.admin_api_keys.list(order="desc")]
    assert names[:2] == ["short", "terraform"]
    assert organization.admin_api_keys.delete(made.id).deleted
    with pytest.raises(openai.NotFoundError):
        organization.admin_api_keys.retrieve(made.id)
    project = organization.projects.create(name="logged")
    [entry] = list(organization.audit_logs.list(event_types=["project.created"], resource_ids=[project.id]))
    assert (entry.type, entry.project_created.data.name) == ("project.created", "logged")
    assert entry.actor.type == "api_key"


def test_the_log_pages_in_both_directions(organization: Any) -> None:
    for number in range(5):
        organization.projects.create(name=f"page {number}")
    kinds = ["project.created"]
    everything = [entry.id for entry in organization.audit_logs.list(event_types=kinds, limit=2)]
    assert everything == sorted(everything, reverse=True)
    assert len(everything) == len(set(everything)) >= 5
    page = organization.audit_logs.list(event_types=kinds, limit=2, before=everything[3])
    assert ([entry.id for entry in page.data], page.has_more) == (everything[1:3], True)
    first = organization.audit_logs.list(event_types=kinds, limit=5, before=everything[3])
    assert ([entry.id for entry in first.data], first.has_more) == (everything[:3], False)
    newest = organization.audit_logs.list(effective_at={"gte": 4_000_000_000}, limit=2)
    assert newest.data == []
