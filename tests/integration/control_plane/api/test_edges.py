"""What every operation does with bad input: OpenAI's envelope, a request id, never a 500."""

from collections.abc import Callable

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from appliance.base.settings import HttpSettings, Settings
from control_plane.api.application import Parts, build_application
from control_plane.database.session import SessionFactory


def envelope(answer_json: dict[str, dict[str, object]]) -> set[str]:
    return set(answer_json["error"]) - {"params"}


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "code"),
    [
        ("GET", "/nowhere", "", 404, "not_found"),
        ("PUT", "/api/v1/keys", "{}", 405, "method_not_allowed"),
        ("POST", "/api/v1/keys", "{", 400, "invalid_json"),
        ("POST", "/api/v1/keys", "[]", 400, "invalid_request"),
        ("POST", "/api/v1/keys", "null", 400, "invalid_request"),
        ("POST", "/api/v1/keys", "", 400, "invalid_request"),
        ("POST", "/api/v1/keys", "\udcff{".encode("utf-8", "surrogateescape").decode("latin-1"), 400, "invalid_json"),
        ("GET", "/api/v1/keys?limit=0", "", 400, "invalid_request"),
        ("GET", "/api/v1/keys?limit=1000000", "", 400, "invalid_request"),
        ("GET", "/api/v1/keys?after=proj-1", "", 400, "invalid_request"),
        ("GET", "/api/v1/audit?action=%00", "", 400, "invalid_request"),
    ],
)
def test_bad_requests_get_the_envelope(
    admin: TestClient, method: str, path: str, content: str, status: int, code: str
) -> None:
    answer = admin.request(method, path, content=content, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert envelope(answer.json()) == {"message", "type", "param", "code"}
    assert answer.headers["x-request-id"].startswith("req-")


def test_request_ids_are_ours_and_new_each_time(anonymous: TestClient) -> None:
    ids = [anonymous.get("/healthz", headers={"x-request-id": "mine"}).headers["x-request-id"] for _ in range(2)]
    assert len(set(ids)) == 2
    assert "mine" not in ids


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_over_the_limit_is_413(
    database_settings: Settings, session_factory: SessionFactory, admin: TestClient, declared: bool
) -> None:
    limited = database_settings.model_copy(update={"http": HttpSettings.model_validate({"max_body_bytes": 1024})})
    small = build_application(Parts(limited, session_factory, lambda _: None))
    body = b'{"name": "' + b"x" * 4096 + b'"}'
    with TestClient(small, headers=dict(admin.headers)) as client:
        content = body if declared else iter([body[:600], body[600:]])
        answer = client.post("/api/v1/keys", content=content, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "request_too_large")


def test_an_unforeseen_error_is_a_500_that_leaks_nothing(
    application: FastAPI, connect: Callable[[str | None], TestClient]
) -> None:
    def explode() -> None:
        raise RuntimeError("the password is swordfish")

    application.add_api_route("/api/v1/explode", explode)
    answer = connect(None).get("/api/v1/explode")
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal_error")
    assert "swordfish" not in answer.text
    assert answer.headers["x-request-id"].startswith("req-")
