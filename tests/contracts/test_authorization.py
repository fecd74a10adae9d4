"""Every operation of the admin API says whom it lets in, and is tried with everybody else.

A new endpoint fails here until it has a case. The list of operations open to all may only shrink.
"""

import re
from dataclasses import dataclass
from enum import Enum

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from control_plane.api.openapi import unconnected_application


class Needs(Enum):
    NOBODY = "open to all"
    USER = "any user of the organization"
    ADMIN = "an owner"
    NODE = "the node token"
    KEY = "a gateway's signed word for an API key"


CASES = {
    "GET /healthz": Needs.NOBODY,
    "POST /api/v1/session": Needs.NOBODY,
    "GET /api/v1/session": Needs.USER,
    "DELETE /api/v1/session": Needs.USER,
    "GET /v1/organization/projects": Needs.ADMIN,
    "GET /v1/organization/projects/{project_id}": Needs.ADMIN,
    "GET /v1/organization/users": Needs.ADMIN,
    "GET /v1/organization/users/{user_id}": Needs.ADMIN,
    "GET /api/v1/audit": Needs.ADMIN,
    "GET /api/v1/keys": Needs.ADMIN,
    "POST /api/v1/keys": Needs.ADMIN,
    "DELETE /api/v1/keys/{key_id}": Needs.ADMIN,
    "GET /api/v1/nodes": Needs.USER,
    "GET /api/v1/nodes/{node_id}": Needs.USER,
    "GET /api/v1/nodes/{node_id}/samples": Needs.USER,
    "POST /api/v1/nodes/{node_id}/drain": Needs.ADMIN,
    "POST /api/v1/nodes/{node_id}/undrain": Needs.ADMIN,
    "POST /api/v1/nodes/heartbeat": Needs.NODE,
    "GET /api/v1/metrics": Needs.USER,
    "GET /api/v1/usage": Needs.USER,
    "POST /api/v1/usage/events": Needs.NODE,
    "GET /api/v1/system/status": Needs.USER,
    "GET /api/v1/jobs": Needs.ADMIN,
    "GET /api/v1/jobs/{job_id}": Needs.ADMIN,
    "POST /api/v1/jobs/{job_id}/cancel": Needs.ADMIN,
    "GET /api/v1/catalogue": Needs.USER,
    "GET /api/v1/catalogue/{name}": Needs.USER,
    "POST /api/v1/catalogue/entries": Needs.ADMIN,
    "PUT /api/v1/catalogue/entries/{name}": Needs.ADMIN,
    "DELETE /api/v1/catalogue/entries/{name}": Needs.ADMIN,
    "POST /api/v1/catalogue/updates": Needs.ADMIN,
    "GET /api/v1/versions": Needs.USER,
    "GET /api/v1/versions/{version_id}": Needs.USER,
    "POST /api/v1/imports": Needs.ADMIN,
    "POST /api/v1/exports": Needs.ADMIN,
    "POST /api/v1/modelpacks/inspect": Needs.ADMIN,
    "GET /api/v1/signing-keys": Needs.USER,
    "GET /api/v1/signing-keys/own": Needs.ADMIN,
    "POST /api/v1/signing-keys": Needs.ADMIN,
    "DELETE /api/v1/signing-keys/{key_id}": Needs.ADMIN,
    "GET /api/v1/licences": Needs.USER,
    "POST /api/v1/licences": Needs.ADMIN,
    "GET /api/v1/licences/{licence_id}": Needs.USER,
    "POST /api/v1/licence-requests": Needs.ADMIN,
    "GET /api/v1/licence-roots": Needs.USER,
    "POST /api/v1/licence-roots": Needs.ADMIN,
    "GET /api/v1/served-models": Needs.USER,
    "POST /api/v1/served-models": Needs.ADMIN,
    "GET /api/v1/served-models/{name}": Needs.USER,
    "PATCH /api/v1/served-models/{name}": Needs.ADMIN,
    "DELETE /api/v1/served-models/{name}": Needs.ADMIN,
    "GET /api/v1/replicas": Needs.USER,
    "GET /api/v1/routes": Needs.USER,
    "POST /api/v1/routes": Needs.ADMIN,
    "GET /api/v1/routes/{name}": Needs.USER,
    "PUT /api/v1/routes/{name}": Needs.ADMIN,
    "PATCH /api/v1/routes/{name}": Needs.ADMIN,
    "DELETE /api/v1/routes/{name}": Needs.ADMIN,
    "GET /api/v1/endpoints": Needs.ADMIN,
    "POST /api/v1/endpoints": Needs.ADMIN,
    "DELETE /api/v1/endpoints/{name}": Needs.ADMIN,
    "GET /v1/responses/{response_id}": Needs.KEY,
    "DELETE /v1/responses/{response_id}": Needs.KEY,
    "POST /v1/responses/{response_id}/cancel": Needs.KEY,
    "GET /v1/responses/{response_id}/input_items": Needs.KEY,
    "PUT /api/v1/stored-responses/{response_id}": Needs.KEY,
    "GET /api/v1/stored-responses/{response_id}/chain": Needs.KEY,
}
OPEN_TO_ALL = {"GET /healthz", "POST /api/v1/session"}
"""May only shrink."""

CLOSED = sorted(set(CASES) - OPEN_TO_ALL)
FOR_KEYS = [name for name in CLOSED if CASES[name] is Needs.KEY]


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
    assert operation_names(unconnected_application()) == set(CASES)


def test_the_list_of_open_operations_did_not_grow() -> None:
    assert {name for name, needs in CASES.items() if needs is Needs.NOBODY} == OPEN_TO_ALL


@pytest.mark.parametrize("name", CLOSED)
def test_without_credentials_it_is_401(anonymous: TestClient, name: str) -> None:
    assert Operation.parse(name).status(anonymous) == 401


@pytest.mark.parametrize("name", CLOSED)
def test_with_a_wrong_token_it_is_401(anonymous: TestClient, name: str) -> None:
    anonymous.headers["authorization"] = "Bearer sk-ts-000000000000-nonsense"
    assert Operation.parse(name).status(anonymous) == 401


@pytest.mark.parametrize("name", [name for name in CLOSED if CASES[name] not in (Needs.NODE, Needs.KEY)])
def test_a_node_is_refused_where_a_user_is_needed(node: TestClient, name: str) -> None:
    assert Operation.parse(name).status(node) == 403


@pytest.mark.parametrize("name", [name for name in CLOSED if CASES[name] in (Needs.ADMIN, Needs.NODE)])
def test_a_reader_is_refused_where_more_is_needed(reader: TestClient, name: str) -> None:
    assert Operation.parse(name).status(reader) == 403


@pytest.mark.parametrize("name", [name for name in CLOSED if CASES[name] is Needs.NODE])
def test_an_admin_is_no_node(admin: TestClient, name: str) -> None:
    assert Operation.parse(name).status(admin) == 403


@pytest.mark.parametrize("name", [n for n in CLOSED if CASES[n] in (Needs.ADMIN, Needs.USER) and n[:6] != "DELETE"])
def test_an_admin_is_let_in(admin: TestClient, name: str) -> None:
    assert Operation.parse(name).status(admin) in (200, 400, 404)


@pytest.mark.parametrize("name", FOR_KEYS)
def test_nobody_but_a_gateway_speaks_for_a_key(
    admin: TestClient, node: TestClient, reader: TestClient, name: str
) -> None:
    assert [Operation.parse(name).status(client) for client in (admin, node, reader)] == [401, 401, 401]


@pytest.mark.parametrize("name", [name for name in CLOSED if CASES[name] is Needs.USER and name[:3] == "GET"])
def test_a_reader_may_look(reader: TestClient, name: str) -> None:
    assert Operation.parse(name).status(reader) in (200, 404)
