"""`CurrentAdmin`, `CurrentUser`, `CurrentNode`: what an endpoint writes in its signature to be closed to others."""

from typing import Annotated, Protocol, cast

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.orm import Session

from appliance.base.errors import Forbidden, Unauthenticated
from control_plane.access.domain import SESSION_COOKIE, Credentials, Principal, PrincipalKind, Role
from control_plane.database.dependencies import DbSession

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")

bearer_scheme = HTTPBearer(auto_error=False, scheme_name="token", description="Admin token or node token.")
cookie_scheme = APIKeyCookie(name=SESSION_COOKIE, auto_error=False, scheme_name="session")


class Authenticator(Protocol):
    """Turns credentials into a principal; None where they prove nothing. `sessions.service.authenticate` is one."""

    def __call__(self, session: Session, credentials: Credentials) -> Principal | None: ...


def request_credentials(
    request: Request,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(bearer_scheme)],
    cookie: Annotated[str | None, Security(cookie_scheme)],
) -> Credentials:
    return Credentials(
        bearer=bearer.credentials if bearer else None,
        session_token=cookie,
        request_id=getattr(request.state, "request_id", None),
        address=request.client.host if request.client else None,
    )


RequestCredentials = Annotated[Credentials, Depends(request_credentials)]


def current_principal(request: Request, session: DbSession, credentials: RequestCredentials) -> Principal:
    """Whoever it is, known; raises Unauthenticated otherwise."""
    if credentials.bearer is None and credentials.session_token is not None:
        refuse_foreign_origin(request)
    authenticate = cast(Authenticator, request.app.state.authenticate)
    principal = authenticate(session, credentials)
    if principal is None:
        raise Unauthenticated(
            "You are not logged in, or your login has ended.",
            hint="Log in again, or send `Authorization: Bearer` with the admin token from the home's secrets.",
            code="not_authenticated",
        )
    return principal


def refuse_foreign_origin(request: Request) -> None:
    """A cookie comes along from every page of the same host, whatever its port; only our own may change things.

    SameSite=Strict does not tell ports apart, `Sec-Fetch-Site` does (W3C Fetch Metadata).
    """
    site = request.headers.get("sec-fetch-site", "same-origin")
    if request.method not in SAFE_METHODS and site not in ("same-origin", "none"):
        raise Forbidden("This request came from another site.", code="foreign_origin")


CurrentPrincipal = Annotated[Principal, Depends(current_principal)]


def current_user(principal: CurrentPrincipal) -> Principal:
    if principal.kind is not PrincipalKind.USER:
        raise Forbidden("This needs a user's login; a node's token is not enough.")
    return principal


def current_admin(principal: CurrentPrincipal) -> Principal:
    if principal.kind is not PrincipalKind.USER or principal.role is not Role.OWNER:
        raise Forbidden("This needs an admin.", hint="Ask an owner of the organization.")
    return principal


def current_node(principal: CurrentPrincipal) -> Principal:
    if principal.kind is not PrincipalKind.NODE:
        raise Forbidden("This is for nodes; it needs the node token.")
    return principal


CurrentUser = Annotated[Principal, Depends(current_user)]
CurrentAdmin = Annotated[Principal, Depends(current_admin)]
CurrentNode = Annotated[Principal, Depends(current_node)]
