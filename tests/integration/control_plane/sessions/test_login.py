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
from control_plane.sessions.domain import OF_A_NAME, OF_AN_ADDRESS, digest
from control_plane.sessions.tables import LoginFailure, LoginSession, PasswordCredential, Tried


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


def test_a_name_that_nobody_has_is_locked_just_like_one_that_somebody_has(
    anonymous: TestClient, session_factory: SessionFactory
) -> None:
    """Or being locked out would tell who is there."""
    with transaction(session_factory) as session:
        unlock(session)
    tries = OF_A_NAME.free_tries
    seen = {name: [log_in(anonymous, "wrong", name) for _ in range(tries + 1)] for name in ("admin", "nobody")}
    assert seen["admin"] == seen["nobody"] == [401] * tries + [429]
    with transaction(session_factory) as session:
        unlock(session)


def test_an_address_that_tries_many_names_is_locked_too(
    anonymous: TestClient, password: str, session_factory: SessionFactory
) -> None:
    with transaction(session_factory) as session:
        unlock(session)
        almost = OF_AN_ADDRESS.free_tries - 1
        row = LoginFailure(
            tried=Tried.ADDRESS, subject=digest("testclient"), failed_at=clock.now(), failed_count=almost
        )
        session.add(row)
    assert log_in(anonymous, "wrong", "somebody") == 401
    assert log_in(anonymous, password) == 429
    with transaction(session_factory) as session:
        session.execute(update(LoginFailure).values(locked_until=None))
    assert log_in(anonymous, password) == 201
    with transaction(session_factory) as session:
        of_address = select(LoginFailure.failed_count).where(LoginFailure.tried == Tried.ADDRESS)
        assert session.scalar(of_address) == OF_AN_ADDRESS.free_tries, "a right login frees the name, not the address"
        unlock(session)


def test_counts_that_are_long_over_are_forgotten(anonymous: TestClient, session_factory: SessionFactory) -> None:
    with transaction(session_factory) as session:
        unlock(session)
        long_ago = clock.now() - 2 * OF_A_NAME.forgotten_after
        session.add(LoginFailure(tried=Tried.NAME, subject="old", failed_at=long_ago, failed_count=9))
    assert log_in(anonymous, "wrong", "somebody") == 401
    with transaction(session_factory) as session:
        assert "old" not in session.scalars(select(LoginFailure.subject)).all()
        unlock(session)
