"""`/api/v1/session`: log in, who am I, log out."""

from typing import cast

from fastapi import APIRouter, Request, Response

from appliance.base.settings import Settings
from control_plane.access.dependencies import CurrentUser, RequestCredentials, refuse_foreign_origin
from control_plane.access.domain import SESSION_COOKIE
from control_plane.database.dependencies import DbSession
from control_plane.sessions import service
from control_plane.sessions.domain import SESSION_LIFETIME
from control_plane.sessions.schemas import LoginRequest, SessionAnswer, session_answer

router = APIRouter(prefix="/api/v1/session", tags=["session"])


@router.post("", status_code=201)
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
    return session_answer(service.user_principal(login.user, credentials))


@router.get("")
def get_session(principal: CurrentUser) -> SessionAnswer:
    return session_answer(principal)


@router.delete("", status_code=204)
def log_out(
    request: Request, response: Response, session: DbSession, principal: CurrentUser, credentials: RequestCredentials
) -> None:
    if credentials.session_token:
        service.log_out(session, principal, token=credentials.session_token)
    settings = cast(Settings, request.app.state.settings)
    response.delete_cookie(SESSION_COOKIE, path=settings.http.base_path or "/")
