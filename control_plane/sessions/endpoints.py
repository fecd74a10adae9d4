"""`/api/v1/session`: log in, who am I, log out, change the password; `/api/v1/sessions`: one's own logins."""

from typing import Annotated, cast

from fastapi import APIRouter, Request, Response

from appliance.base import clock
from appliance.base.settings import Settings
from control_plane.access.dependencies import RequestCredentials, needs, refuse_foreign_origin
from control_plane.access.domain import SESSION_COOKIE, Principal
from control_plane.access.policy import Permission
from control_plane.database.dependencies import DbSession
from control_plane.database.paging import After, Limit, ListAnswer, list_answer, page_query
from control_plane.sessions import admin_keys, passwords, repository, service
from control_plane.sessions.domain import SESSION_LIFETIME
from control_plane.sessions.schemas import (
    AdminKeyAnswer,
    AdminKeyRequest,
    CreatedAdminKey,
    DeletedAdminKey,
    EndedSessions,
    LoginRequest,
    LoginSessionAnswer,
    PasswordRequest,
    SessionAnswer,
    admin_key_answer,
    login_session_answer,
    session_answer,
)

router = APIRouter(prefix="/api/v1", tags=["session"])
organization = APIRouter(prefix="/v1/organization/admin_api_keys", tags=["organization"])

Oneself = Annotated[Principal, needs(Permission.SELF)]
ReadsAdminKeys = Annotated[Principal, needs(Permission.ADMIN_KEYS_READ)]
WritesAdminKeys = Annotated[Principal, needs(Permission.ADMIN_KEYS_WRITE)]


@router.post("/session", status_code=201)
def log_in(
    request: Request, response: Response, session: DbSession, credentials: RequestCredentials, body: LoginRequest
) -> SessionAnswer:
    """Open a session; the answer sets the cookie `ts_session`."""
    refuse_foreign_origin(request)
    login = service.log_in(session, credentials, login=body.login, password=body.password)
    settings = cast(Settings, request.app.state.settings)
    response.set_cookie(
        SESSION_COOKIE,
        login.token,
        max_age=int(SESSION_LIFETIME.total_seconds()),
        path=settings.http.base_path or "/",
        secure=settings.http.secure_cookies or request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    return session_answer(login.principal)


@router.get("/session")
def get_session(principal: Oneself) -> SessionAnswer:
    return session_answer(principal)


@router.delete("/session", status_code=204)
def log_out(
    request: Request, response: Response, session: DbSession, principal: Oneself, credentials: RequestCredentials
) -> None:
    if credentials.session_token:
        service.log_out(session, principal, token=credentials.session_token)
    settings = cast(Settings, request.app.state.settings)
    response.delete_cookie(SESSION_COOKIE, path=settings.http.base_path or "/")


@router.post("/session/password", status_code=204)
def change_password(
    session: DbSession, principal: Oneself, credentials: RequestCredentials, body: PasswordRequest
) -> None:
    """One's own; every other session of the user ends."""
    passwords.change_password(
        session, principal, credentials, current=body.current_password, new=body.new_password
    )  # fmt: skip


@router.get("/sessions")
def list_sessions(
    session: DbSession, principal: Oneself, after: After = None, limit: Limit = 20
) -> ListAnswer[LoginSessionAnswer]:
    """One's own logins that have not ended."""
    assert principal.user_id is not None
    query = page_query("login", after=after, limit=limit)
    page = repository.sessions_page(session, query, user_id=principal.user_id, at=clock.now())
    rows = [login_session_answer(row, current=principal.proof_id) for row in page.rows]
    return list_answer(rows, has_more=page.has_more)


@router.delete("/sessions/{session_id}")
def delete_session(session: DbSession, principal: Oneself, session_id: str) -> EndedSessions:
    service.end_session(session, principal, session_id)
    return EndedSessions(id=session_id)


@organization.get("")
def list_admin_api_keys(
    session: DbSession, _: ReadsAdminKeys, after: After = None, limit: Limit = 20, order: str = "asc"
) -> ListAnswer[AdminKeyAnswer]:
    query = page_query("adminkey", after=after, limit=limit, newest_first=order == "desc")
    page = repository.admin_keys_page(session, query)
    owners = repository.users_by_id(session, [key.user_id for key in page.rows])
    return list_answer([admin_key_answer(key, owners[key.user_id]) for key in page.rows], has_more=page.has_more)


@organization.post("")
def create_admin_api_key(session: DbSession, principal: WritesAdminKeys, body: AdminKeyRequest) -> CreatedAdminKey:
    """Its secret is in this answer and nowhere else."""
    key, secret = admin_keys.create_admin_key(
        session, principal, name=body.name, role=body.x_role, expires_at=body.expires_at
    )
    owner = repository.users_by_id(session, [key.user_id])[key.user_id]
    return CreatedAdminKey(**admin_key_answer(key, owner).model_dump(), value=secret)


@organization.get("/{key_id}")
def get_admin_api_key(session: DbSession, _: ReadsAdminKeys, key_id: str) -> AdminKeyAnswer:
    key = admin_keys.find(session, key_id)
    return admin_key_answer(key, repository.users_by_id(session, [key.user_id])[key.user_id])


@organization.delete("/{key_id}")
def delete_admin_api_key(session: DbSession, principal: WritesAdminKeys, key_id: str) -> DeletedAdminKey:
    """It stops at once."""
    admin_keys.revoke_admin_key(session, principal, key_id)
    return DeletedAdminKey(id=key_id)
