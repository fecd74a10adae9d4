"""Every operation of the admin API says which permission it needs, and is tried with every role: real calls, and the
answer is what the table in `control_plane.access.policy` says.

A new operation fails here until it has a case. The list of operations open to all may only shrink.
"""

import re
from dataclasses import dataclass
from uuid import UUID

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from control_plane.access.domain import Principal, PrincipalKind, Role
from control_plane.access.policy import Permission, reach_of
from control_plane.api.application import permissions
from control_plane.api.openapi import unconnected_application
from tests.fixtures.admin_api import People

P = Permission
CASES = {
    "GET /healthz": None,
    "POST /api/v1/session": None,
    "GET /api/v1/session": P.SELF,
    "DELETE /api/v1/session": P.SELF,
    "POST /api/v1/session/password": P.SELF,
    "GET /api/v1/sessions": P.SELF,
    "DELETE /api/v1/sessions/{session_id}": P.SELF,
    "POST /api/v1/invites/accept": P.INVITE_ACCEPT,
    "POST /api/v1/users": P.USERS_WRITE,
    "PATCH /api/v1/users/{user_id}": P.USERS_WRITE,
    "POST /api/v1/users/{user_id}/password": P.USERS_WRITE,
    "GET /api/v1/users/{user_id}/sessions": P.USERS_READ,
    "DELETE /api/v1/users/{user_id}/sessions": P.USERS_WRITE,
    "GET /v1/organization/users": P.USERS_READ,
    "GET /v1/organization/users/{user_id}": P.USERS_READ,
    "POST /v1/organization/users/{user_id}": P.USERS_WRITE,
    "DELETE /v1/organization/users/{user_id}": P.USERS_WRITE,
    "GET /v1/organization/invites": P.USERS_READ,
    "POST /v1/organization/invites": P.USERS_WRITE,
    "GET /v1/organization/invites/{invite_id}": P.USERS_READ,
    "DELETE /v1/organization/invites/{invite_id}": P.USERS_WRITE,
    "GET /v1/organization/projects": P.PROJECTS_READ,
    "POST /v1/organization/projects": P.PROJECTS_CREATE,
    "GET /v1/organization/projects/{project_id}": P.PROJECTS_READ,
    "POST /v1/organization/projects/{project_id}": P.PROJECTS_WRITE,
    "POST /v1/organization/projects/{project_id}/archive": P.PROJECTS_CREATE,
    "GET /v1/organization/projects/{project_id}/users": P.MEMBERS_READ,
    "POST /v1/organization/projects/{project_id}/users": P.MEMBERS_WRITE,
    "GET /v1/organization/projects/{project_id}/users/{user_id}": P.MEMBERS_READ,
    "POST /v1/organization/projects/{project_id}/users/{user_id}": P.MEMBERS_WRITE,
    "DELETE /v1/organization/projects/{project_id}/users/{user_id}": P.MEMBERS_WRITE,
    "GET /v1/organization/projects/{project_id}/service_accounts": P.SERVICE_ACCOUNTS_READ,
    "POST /v1/organization/projects/{project_id}/service_accounts": P.SERVICE_ACCOUNTS_WRITE,
    "GET /v1/organization/projects/{project_id}/service_accounts/{service_account_id}": P.SERVICE_ACCOUNTS_READ,
    "POST /v1/organization/projects/{project_id}/service_accounts/{service_account_id}": P.SERVICE_ACCOUNTS_WRITE,
    "DELETE /v1/organization/projects/{project_id}/service_accounts/{service_account_id}": P.SERVICE_ACCOUNTS_WRITE,
    "POST /v1/organization/projects/{project_id}/service_accounts/{service_account_id}/api_keys": (
        P.SERVICE_ACCOUNTS_WRITE
    ),
    "GET /v1/organization/projects/{project_id}/api_keys": P.KEYS_READ,
    "GET /v1/organization/projects/{project_id}/api_keys/{key_id}": P.KEYS_READ,
    "POST /v1/organization/projects/{project_id}/api_keys/{key_id}": P.KEYS_WRITE,
    "DELETE /v1/organization/projects/{project_id}/api_keys/{key_id}": P.KEYS_WRITE,
    "GET /v1/organization/admin_api_keys": P.ADMIN_KEYS_READ,
    "POST /v1/organization/admin_api_keys": P.ADMIN_KEYS_WRITE,
    "GET /v1/organization/admin_api_keys/{key_id}": P.ADMIN_KEYS_READ,
    "DELETE /v1/organization/admin_api_keys/{key_id}": P.ADMIN_KEYS_WRITE,
    "GET /v1/organization/audit_logs": P.AUDIT_READ,
    "GET /api/v1/audit": P.AUDIT_READ,
    "GET /api/v1/audit/verify": P.AUDIT_READ,
    "GET /api/v1/audit/export": P.AUDIT_READ,
    "GET /api/v1/keys": P.KEYS_READ,
    "POST /api/v1/keys": P.KEYS_WRITE,
    "GET /api/v1/keys/{key_id}": P.KEYS_READ,
    "PATCH /api/v1/keys/{key_id}": P.KEYS_WRITE,
    "POST /api/v1/keys/{key_id}/rotate": P.KEYS_WRITE,
    "DELETE /api/v1/keys/{key_id}": P.KEYS_WRITE,
    "GET /api/v1/nodes": P.NODES_READ,
    "GET /api/v1/nodes/{node_id}": P.NODES_READ,
    "GET /api/v1/nodes/{node_id}/samples": P.NODES_READ,
    "POST /api/v1/nodes/{node_id}/drain": P.NODES_WRITE,
    "POST /api/v1/nodes/{node_id}/undrain": P.NODES_WRITE,
    "POST /api/v1/nodes/heartbeat": P.NODE_REPORT,
    "GET /api/v1/metrics": P.NODES_READ,
    "GET /api/v1/usage": P.USAGE_READ,
    "POST /api/v1/usage/events": P.NODE_REPORT,
    "GET /api/v1/system/status": P.SYSTEM_READ,
    "GET /api/v1/jobs": P.JOBS_READ,
    "GET /api/v1/jobs/{job_id}": P.JOBS_READ,
    "POST /api/v1/jobs/{job_id}/cancel": P.JOBS_WRITE,
    "GET /api/v1/catalogue": P.CATALOGUE_READ,
    "GET /api/v1/catalogue/{name}": P.CATALOGUE_READ,
    "POST /api/v1/catalogue/entries": P.CATALOGUE_WRITE,
    "PUT /api/v1/catalogue/entries/{name}": P.CATALOGUE_WRITE,
    "DELETE /api/v1/catalogue/entries/{name}": P.CATALOGUE_WRITE,
    "POST /api/v1/catalogue/updates": P.CATALOGUE_WRITE,
    "GET /api/v1/versions": P.VERSIONS_READ,
    "GET /api/v1/versions/{version_id}": P.VERSIONS_READ,
    "POST /api/v1/imports": P.VERSIONS_WRITE,
    "GET /api/v1/licences": P.LICENCES_READ,
    "POST /api/v1/licences": P.LICENCES_WRITE,
    "GET /api/v1/licences/{licence_id}": P.LICENCES_READ,
    "POST /api/v1/licence-requests": P.LICENCES_WRITE,
    "GET /api/v1/licence-roots": P.LICENCES_READ,
    "POST /api/v1/licence-roots": P.LICENCES_WRITE,
    "GET /api/v1/served-models": P.SERVED_MODELS_READ,
    "POST /api/v1/served-models": P.SERVED_MODELS_WRITE,
    "GET /api/v1/served-models/{name}": P.SERVED_MODELS_READ,
    "PATCH /api/v1/served-models/{name}": P.SERVED_MODELS_WRITE,
    "DELETE /api/v1/served-models/{name}": P.SERVED_MODELS_WRITE,
    "GET /api/v1/replicas": P.SERVED_MODELS_READ,
    "POST /api/v1/exports": P.VERSIONS_WRITE,
    "POST /api/v1/modelpacks/inspect": P.VERSIONS_WRITE,
    "GET /api/v1/signing-keys": P.VERSIONS_READ,
    "GET /api/v1/signing-keys/own": P.VERSIONS_WRITE,
    "POST /api/v1/signing-keys": P.ORGANIZATION_WRITE,
    "DELETE /api/v1/signing-keys/{key_id}": P.ORGANIZATION_WRITE,
    "GET /api/v1/routes": P.SERVED_MODELS_READ,
    "POST /api/v1/routes": P.SERVED_MODELS_WRITE,
    "GET /api/v1/routes/{name}": P.SERVED_MODELS_READ,
    "PUT /api/v1/routes/{name}": P.SERVED_MODELS_WRITE,
    "PATCH /api/v1/routes/{name}": P.SERVED_MODELS_WRITE,
    "DELETE /api/v1/routes/{name}": P.SERVED_MODELS_WRITE,
    "GET /api/v1/endpoints": P.ORGANIZATION_WRITE,
    "POST /api/v1/endpoints": P.ORGANIZATION_WRITE,
    "DELETE /api/v1/endpoints/{name}": P.ORGANIZATION_WRITE,
}
OPEN_TO_ALL = {"GET /healthz", "POST /api/v1/session"}
"""May only shrink."""

FOR_KEYS = {
    "GET /v1/responses/{response_id}",
    "DELETE /v1/responses/{response_id}",
    "POST /v1/responses/{response_id}/cancel",
    "GET /v1/responses/{response_id}/input_items",
    "PUT /api/v1/stored-responses/{response_id}",
    "GET /api/v1/stored-responses/{response_id}/chain",
}
"""These take a gateway's signed word for an API key, and nothing else."""

CLOSED = sorted(set(CASES) - OPEN_TO_ALL)


@dataclass(frozen=True)
class Operation:
    method: str
    path: str

    @classmethod
    def parse(cls, name: str) -> "Operation":
        method, path = name.split(" ")
        return cls(method, re.sub(r"\{\w+\}", "none-such", path))

    def status(self, client: TestClient) -> int:
        body: dict[str, str] | None = {} if self.method in ("POST", "PATCH", "PUT") else None
        return client.request(self.method, self.path, json=body).status_code


def operation_names(application: FastAPI) -> set[str]:
    paths = application.openapi()["paths"]
    return {f"{method.upper()} {path}" for path, item in paths.items() for method in item}


def test_every_operation_has_a_case() -> None:
    assert operation_names(unconnected_application()) == set(CASES) | FOR_KEYS


def test_every_operation_needs_what_its_case_says() -> None:
    declared = {f"{method.upper()} {path}": needed for (method, path), needed in permissions().items()}
    assert declared == {name: needed for name, needed in CASES.items() if needed is not None}


def test_the_list_of_open_operations_did_not_grow() -> None:
    assert {name for name, needed in CASES.items() if needed is None} == OPEN_TO_ALL


def test_every_permission_that_is_named_is_needed_somewhere() -> None:
    """One is asked for inside an operation (another's key); two are for new operations that have none of their own."""
    unused = set(Permission) - set(CASES.values()) - {P.KEYS_OF_OTHERS_WRITE}
    assert unused <= {P.ORGANIZATION_READ, P.ORGANIZATION_WRITE}


@pytest.mark.parametrize("name", sorted(FOR_KEYS))
def test_nobody_but_a_gateway_speaks_for_a_key(
    anonymous: TestClient, admin: TestClient, node: TestClient, name: str
) -> None:
    assert [Operation.parse(name).status(client) for client in (anonymous, admin, node)] == [401, 401, 401]


@pytest.mark.parametrize("name", CLOSED)
def test_without_credentials_it_is_401(anonymous: TestClient, name: str) -> None:
    assert Operation.parse(name).status(anonymous) == 401


@pytest.mark.parametrize("name", CLOSED)
@pytest.mark.parametrize("prefix", ["sk-ts-000000000000-", "sk-admin-000000000000-", "inv-", ""])
def test_with_a_wrong_token_it_is_401(anonymous: TestClient, name: str, prefix: str) -> None:
    anonymous.headers["authorization"] = f"Bearer {prefix}{'n' * 43}"
    assert Operation.parse(name).status(anonymous) == 401


@pytest.mark.parametrize("name", CLOSED)
def test_a_node_reports_and_nothing_else(node: TestClient, name: str) -> None:
    expected = (200, 400) if CASES[name] is P.NODE_REPORT else (403,)
    assert Operation.parse(name).status(node) in expected


@pytest.mark.parametrize("name", CLOSED)
@pytest.mark.parametrize("role", list(Role))
def test_a_role_is_let_in_where_the_policy_says(people: People, role: Role, name: str) -> None:
    permission = CASES[name]
    assert permission is not None
    somebody = Principal(kind=PrincipalKind.USER, user_id=UUID(int=0), role=role)
    status = Operation.parse(name).status(people.client(role))
    if reach_of(somebody, permission) is None:
        assert status == 403
    else:
        assert status in (200, 201, 204, 400, 404)


@pytest.mark.parametrize("name", [name for name in CLOSED if CASES[name] is not P.SELF])
def test_who_has_to_change_the_password_does_that_first(people: People, name: str) -> None:
    user_id = people.add(Role.OWNER)
    people.must_change_password(user_id)
    assert Operation.parse(name).status(people.log_in(user_id)) == 403
