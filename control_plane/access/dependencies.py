"""`needs(Permission...)`: what an endpoint writes in its signature to be closed to others; `CurrentAdmin`,
`CurrentUser` and `CurrentNode` are the three most common ones.

A contract test refuses an operation that declares none.
"""

from dataclasses import dataclass, replace
from typing import Annotated, Any, Protocol, cast

from fastapi import Depends, Request, Security
from fastapi.dependencies.models import Dependant
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.orm import Session

from appliance.base.errors import Forbidden, Unauthenticated
from control_plane.access.domain import SESSION_COOKIE, Credentials, Principal, PrincipalKind
from control_plane.access.policy import Permission, reach_of
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


@dataclass(frozen=True)
class Needs:
    """The door of an operation. It passes the principal on with its reach for this permission."""

    permission: Permission

    def __call__(self, principal: CurrentPrincipal) -> Principal:
        return admitted(principal, self.permission)


def admitted(principal: Principal, permission: Permission) -> Principal:
    """Raises Forbidden; what a person who has to change the password first may do is `SELF` and nothing else."""
    if principal.must_change_password and permission is not Permission.SELF:
        raise Forbidden(
            "The password was set by somebody else and has to be changed first.",
            hint="POST /api/v1/session/password.",
            code="password_change_required",
        )
    reach = reach_of(principal, permission)
    if reach is None or (permission is Permission.SELF and principal.user_id is None):
        raise Forbidden(f"This needs the permission `{permission.value}`.", hint=hint_of(principal, permission))
    return replace(principal, reach=reach)


def hint_of(principal: Principal, permission: Permission) -> str:
    if permission is Permission.NODE_REPORT:
        return "Only a node's token has it."
    if principal.kind is PrincipalKind.NODE:
        return "A node's token is not enough; it needs a user's login."
    return "Ask an owner or an admin of the organization."


def needs(permission: Permission) -> Any:
    """For `Annotated[Principal, needs(...)]`."""
    return Depends(Needs(permission))


def permission_of(dependant: Dependant) -> Permission | None:
    """What the operation with these dependencies needs; None where it is open to all."""
    if isinstance(dependant.call, Needs):
        return dependant.call.permission
    return next((found for inner in dependant.dependencies if (found := permission_of(inner))), None)


CurrentUser = Annotated[Principal, needs(Permission.ORGANIZATION_READ)]
CurrentAdmin = Annotated[Principal, needs(Permission.ORGANIZATION_WRITE)]
CurrentNode = Annotated[Principal, needs(Permission.NODE_REPORT)]
