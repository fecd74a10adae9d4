"""`/v1/organization` in the shape of OpenAI's admin API: read by the unmodified client."""

from typing import Any, cast

from fastapi.testclient import TestClient
from openai import OpenAI

from appliance.base.ids import parse_public_id


def test_the_default_tenant_is_there(admin: TestClient) -> None:
    projects = admin.get("/v1/organization/projects").json()
    assert (projects["object"], projects["has_more"]) == ("list", False)
    assert projects["first_id"] == projects["last_id"] == projects["data"][0]["id"]
    assert projects["data"][0]["object"] == "organization.project"
    assert projects["data"][0]["status"] == "active"
    one = admin.get(f"/v1/organization/projects/{projects['first_id']}")
    assert one.json() == projects["data"][0]


def test_the_admin_is_an_owner(admin: TestClient) -> None:
    users = admin.get("/v1/organization/users").json()["data"]
    assert [(user["name"], user["role"], user["object"]) for user in users] == [("admin", "owner", "organization.user")]
    assert parse_public_id("user", users[0]["id"])
    assert admin.get(f"/v1/organization/users/{users[0]['id']}").json() == users[0]


def test_the_openai_client_reads_both_lists(admin: TestClient) -> None:
    client = OpenAI(
        api_key="unused",
        admin_api_key=admin.headers["authorization"].removeprefix("Bearer "),
        base_url="http://testserver/v1",
        http_client=cast(Any, admin),
    )
    projects = list(client.admin.organization.projects.list())
    users = list(client.admin.organization.users.list())
    assert [project.name for project in projects] == ["Default"]
    assert [cast(Any, user).name for user in users] == ["admin"]
