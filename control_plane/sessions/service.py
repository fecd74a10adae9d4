"""Log in, log out, and say who a request is from."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from appliance.base import clock
from appliance.base.errors import NotFound, Unauthenticated
from appliance.base.ids import new_secret, new_uuid, parse_public_id, public_id
from control_plane.access.domain import Credentials, Principal, PrincipalKind, Via
from control_plane.audit.service import record
from control_plane.database.session import KeepsChanges
from control_plane.sessions import admin_keys, lockout, repository
from control_plane.sessions.domain import SESSION_LIFETIME, digest, password_matches
from control_plane.sessions.tables import LoginSession, TokenKind
from control_plane.tenants.repository import memberships, user_by_id, user_by_login
from control_plane.tenants.tables import User


class LoginRefused(KeepsChanges, Unauthenticated):
    code = "login_failed"


@dataclass(frozen=True)
class Login:
    """`token` goes into the cookie and is kept nowhere."""

    principal: Principal
    token: str
    expires_at: datetime


def log_in(session: Session, credentials: Credentials, *, login: str, password: str) -> Login:
    """Check the password and open a session; a wrong one is counted, too many lock name and address for a while.

    An unknown name, a disabled user and a wrong password take the same time and the same words.
    """
    counts = lockout.locked_counts(session, credentials, login)
    user = user_by_login(session, login)
    credential = repository.credential_of(session, user.id) if user else None
    matches = password_matches(credential.password_hash if credential else None, password)
    if user is None or credential is None or user.disabled_at or not matches:
        after = {"failed_count": lockout.count_failure(session, counts)}
        record(session, stranger(credentials, login), "session.refuse", login.strip().lower()[:320], after=after)
        raise LoginRefused("Name or password is wrong.")
    lockout.forget_failures(counts)
    return open_session(session, credentials, user)


def stranger(credentials: Credentials, login: str) -> Principal:
    """Somebody who says to be this user and has not proved it."""
    return Principal(
        kind=PrincipalKind.USER,
        name=login.strip().lower()[:320],
        request_id=credentials.request_id,
        address=credentials.address,
    )


def open_session(session: Session, credentials: Credentials, user: User) -> Login:
    now, token = clock.now(), new_secret()
    repository.delete_expired_sessions(session, at=now)
    opened = LoginSession(
        id=new_uuid(),
        user_id=user.id,
        token_digest=digest(token),
        expires_at=now + SESSION_LIFETIME,
        address=credentials.address,
    )
    session.add(opened)
    principal = session_principal(session, credentials, user, opened)
    record(session, principal, "session.create", public_id("user", user.id))
    return Login(principal=principal, token=token, expires_at=opened.expires_at)


def log_out(session: Session, principal: Principal, *, token: str) -> None:
    repository.delete_session(session, digest(token))
    record(session, principal, "session.delete", public_id("user", principal.user_id) if principal.user_id else "")


def end_session(session: Session, principal: Principal, public: str) -> LoginSession:
    """One of the principal's own; raises NotFound."""
    key = parse_public_id("login", public)
    found = repository.session_by_id(session, key) if key else None
    if found is None or found.user_id != principal.user_id:
        raise NotFound(f"You have no session {public[:80]!r}.", param="session_id")
    session.delete(found)
    record(session, principal, "session.delete", public)
    return found


def end_sessions_of(session: Session, principal: Principal, user_id: UUID) -> int:
    """All of a user's; the number that were open."""
    ended = repository.delete_sessions_of(session, user_id, but_digest=None)
    record(session, principal, "session.delete_all", public_id("user", user_id), after={"ended": ended})
    return ended


def authenticate(session: Session, credentials: Credentials) -> Principal | None:
    """The principal of a bearer token, an admin key or a session cookie; None where none of them is known."""
    if credentials.bearer is not None:
        if credentials.bearer.startswith(admin_keys.PREFIX):
            return admin_key_principal(session, credentials, credentials.bearer)
        return token_principal(session, credentials, credentials.bearer)
    if credentials.session_token is None:
        return None
    found = repository.session_with_user(session, digest(credentials.session_token), at=clock.now())
    return session_principal(session, credentials, found[1], found[0]) if found else None


def session_principal(session: Session, credentials: Credentials, user: User, opened: LoginSession) -> Principal:
    return replace(
        user_principal(session, credentials, user, via=Via.SESSION),
        proof_id=public_id("login", opened.id),
        must_change_password=repository.must_change_password(session, user.id),
    )


def admin_key_principal(session: Session, credentials: Credentials, bearer: str) -> Principal | None:
    key = admin_keys.live_key(session, bearer)
    user = user_by_id(session, key.user_id) if key else None
    if key is None or user is None or user.disabled_at:
        return None
    return replace(
        user_principal(session, credentials, user, via=Via.ADMIN_KEY),
        proof_id=public_id("adminkey", key.id),
        role=admin_keys.role_of(key, user),
    )


def token_principal(session: Session, credentials: Credentials, bearer: str) -> Principal | None:
    token = repository.live_token(session, digest(bearer))
    if token is None:
        return None
    if token.kind is TokenKind.NODE:
        return Principal(
            kind=PrincipalKind.NODE,
            name=token.name,
            via=Via.TOKEN,
            request_id=credentials.request_id,
            address=credentials.address,
        )
    user = user_by_id(session, token.user_id) if token.user_id else None
    return user_principal(session, credentials, user, via=Via.TOKEN) if user and not user.disabled_at else None


def user_principal(session: Session, credentials: Credentials, user: User, *, via: Via) -> Principal:
    return Principal(
        kind=PrincipalKind.USER,
        user_id=user.id,
        role=user.role,
        name=user.name,
        projects=memberships(session, user.id),
        via=via,
        request_id=credentials.request_id,
        address=credentials.address,
    )
