"""Log in, log out, and say who a request is from."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from appliance.base import clock
from appliance.base.errors import RateLimited, Unauthenticated
from appliance.base.ids import new_secret, public_id
from control_plane.access.domain import Credentials, Principal, PrincipalKind
from control_plane.audit.service import record
from control_plane.database.session import KeepsChanges
from control_plane.sessions import repository
from control_plane.sessions.domain import SESSION_LIFETIME, digest, lock_after, password_matches
from control_plane.sessions.tables import LoginSession, PasswordCredential, TokenKind
from control_plane.tenants.repository import user_by_id, user_by_login
from control_plane.tenants.tables import User


class LoginRefused(KeepsChanges, Unauthenticated):
    code = "login_failed"


class LoginLocked(RateLimited):
    code = "login_locked"


@dataclass(frozen=True)
class Login:
    """`token` goes into the cookie and is kept nowhere."""

    user: User
    token: str
    expires_at: datetime


def log_in(session: Session, credentials: Credentials, *, login: str, password: str) -> Login:
    """Check the password and open a session; a wrong one is counted, too many lock the user for a while."""
    user = user_by_login(session, login)
    credential = repository.credential_of(session, user.id) if user else None
    refuse_while_locked(credential)
    matches = password_matches(credential.password_hash if credential else None, password)
    if user is None or credential is None or user.disabled_at or not matches:
        if user is not None and credential is not None:
            count_failure(session, user_principal(user, credentials), credential)
        raise LoginRefused("Name or password is wrong.")
    credential.failed_count, credential.locked_until = 0, None
    return open_session(session, credentials, user)


def refuse_while_locked(credential: PasswordCredential | None) -> None:
    if credential is None or credential.locked_until is None:
        return
    wait = (credential.locked_until - clock.now()).total_seconds()
    if wait > 0:
        raise LoginLocked(
            "Too many wrong passwords; logging in is locked for a while.",
            hint=f"Try again in {int(wait) + 1} s.",
            retry_after_seconds=wait,
        )


def count_failure(session: Session, tried: Principal, credential: PasswordCredential) -> None:
    credential.failed_count += 1
    credential.locked_until = lock_after(credential.failed_count, clock.now())
    record(session, tried, "session.refuse", tried.name, after={"failed_count": credential.failed_count})


def open_session(session: Session, credentials: Credentials, user: User) -> Login:
    now, token = clock.now(), new_secret()
    repository.delete_expired_sessions(session, at=now)
    opened = LoginSession(
        user_id=user.id, token_digest=digest(token), expires_at=now + SESSION_LIFETIME, address=credentials.address
    )
    session.add(opened)
    record(session, user_principal(user, credentials), "session.create", public_id("user", user.id))
    return Login(user=user, token=token, expires_at=opened.expires_at)


def log_out(session: Session, principal: Principal, *, token: str) -> None:
    repository.delete_session(session, digest(token))
    record(session, principal, "session.delete", public_id("user", principal.user_id) if principal.user_id else "")


def authenticate(session: Session, credentials: Credentials) -> Principal | None:
    """The principal of a bearer token or a session cookie; None where neither is known."""
    if credentials.bearer is not None:
        return token_principal(session, credentials, credentials.bearer)
    if credentials.session_token is None:
        return None
    user = repository.user_of_session(session, digest(credentials.session_token), at=clock.now())
    return user_principal(user, credentials) if user else None


def token_principal(session: Session, credentials: Credentials, bearer: str) -> Principal | None:
    token = repository.live_token(session, digest(bearer))
    if token is None:
        return None
    if token.kind is TokenKind.NODE:
        return Principal(
            kind=PrincipalKind.NODE,
            name=token.name,
            request_id=credentials.request_id,
            address=credentials.address,
        )
    return token_user(session, credentials, token.user_id)


def token_user(session: Session, credentials: Credentials, user_id: UUID | None) -> Principal | None:
    user = user_by_id(session, user_id) if user_id else None
    return user_principal(user, credentials) if user and not user.disabled_at else None


def user_principal(user: User, credentials: Credentials) -> Principal:
    return Principal(
        kind=PrincipalKind.USER,
        user_id=user.id,
        role=user.role,
        name=user.name,
        request_id=credentials.request_id,
        address=credentials.address,
    )
