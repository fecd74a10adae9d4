"""Logging in and out, and being locked out."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from appliance.base import clock
from appliance.base.secret_files import Secret, read_secret
from appliance.base.settings import Settings
from control_plane.audit.tables import AuditEntry
from control_plane.database.session import SessionFactory, transaction
from control_plane.sessions.domain import OF_A_NAME
from control_plane.sessions.tables import LoginFailure, LoginSession, PasswordCredential


@pytest.fixture
def password(database_settings: Settings) -> str:
    return read_secret(database_settings.paths, Secret.ADMIN_PASSWORD)


def unlock(session: Session) -> None:
    session.execute(delete(LoginFailure))


def log_in(client: TestClient, password: str, name: str = "admin") -> int:
    return client.post("/api/v1/session", json={"name": name, "password": password}).status_code


def test_a_login_sets_a_cookie_that_opens_the_api(anonymous: TestClient, password: str) -> None:
    answer = anonymous.post("/api/v1/session", json={"name": "Admin", "password": password})
    assert answer.status_code == 201
    assert answer.json()["name"] == "admin"
    assert answer.json()["role"] == "owner"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert anonymous.get("/api/v1/keys").status_code == 200


def test_logging_out_ends_the_session(anonymous: TestClient, password: str) -> None:
    assert log_in(anonymous, password) == 201
    token = anonymous.cookies["ts_session"]
    assert anonymous.delete("/api/v1/session").status_code == 204
    anonymous.cookies.set("ts_session", token)
    assert anonymous.get("/api/v1/session").status_code == 401


def test_a_session_ends_by_itself(anonymous: TestClient, password: str, session_factory: SessionFactory) -> None:
    assert log_in(anonymous, password) == 201
    with transaction(session_factory) as session:
        session.execute(update(LoginSession).values(expires_at=clock.now() - timedelta(seconds=1)))
    assert anonymous.get("/api/v1/session").status_code == 401


def test_a_wrong_password_and_an_unknown_name_look_alike(anonymous: TestClient) -> None:
    wrong = anonymous.post("/api/v1/session", json={"name": "admin", "password": "no"})
    unknown = anonymous.post("/api/v1/session", json={"name": "nobody", "password": "no"})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json()
    assert wrong.json()["error"]["code"] == "login_failed"


def test_many_wrong_passwords_lock_the_user_for_a_while(
    anonymous: TestClient, password: str, session_factory: SessionFactory
) -> None:
    with transaction(session_factory) as session:
        unlock(session)
    assert [log_in(anonymous, "wrong") for _ in range(OF_A_NAME.free_tries)] == [401] * OF_A_NAME.free_tries
    locked = anonymous.post("/api/v1/session", json={"name": "admin", "password": password})
    assert locked.status_code == 429
    assert locked.json()["error"]["code"] == "login_locked"
    assert int(locked.headers["retry-after"]) > 0
    with transaction(session_factory) as session:
        refused = session.scalars(select(AuditEntry).where(AuditEntry.action == "session.refuse")).all()
        assert len(refused) >= OF_A_NAME.free_tries
        session.execute(update(LoginFailure).values(locked_until=clock.now() - timedelta(seconds=1)))
    assert log_in(anonymous, password) == 201


def test_a_page_of_another_site_cannot_use_the_cookie(
    connect: Callable[[str | None], TestClient], password: str
) -> None:
    client = connect(None)
    assert log_in(client, password) == 201
    foreign = client.post("/api/v1/keys", json={"name": "x"}, headers={"sec-fetch-site": "same-site"})
    assert foreign.status_code == 403
    assert foreign.json()["error"]["code"] == "foreign_origin"
    own = client.post("/api/v1/keys", json={"name": "x"}, headers={"sec-fetch-site": "same-origin"})
    assert own.status_code == 201


def test_no_secret_lies_in_the_registry(password: str, session_factory: SessionFactory) -> None:
    with transaction(session_factory) as session:
        stored = session.scalars(select(PasswordCredential.password_hash)).all()
    assert all(text.startswith("$argon2id$") and password not in text for text in stored)
