"""First-run rows: the admin's password and the tokens that lie as files in the home."""

from uuid import UUID

from sqlalchemy.orm import Session

from appliance.base import clock
from control_plane.access.domain import SYSTEM
from control_plane.audit.service import record
from control_plane.sessions import repository
from control_plane.sessions.domain import digest, hash_password
from control_plane.sessions.tables import AccessToken, PasswordCredential, TokenKind


def ensure_password(session: Session, user_id: UUID, password: str) -> None:
    """Give a user without a password this one; whoever has one keeps it, whatever the file says."""
    if repository.has_credential(session, user_id):
        return
    session.add(PasswordCredential(user_id=user_id, password_hash=hash_password(password)))
    record(session, SYSTEM, "password.create", "admin")


def ensure_token(session: Session, kind: TokenKind, *, name: str, token: str, user_id: UUID | None = None) -> None:
    """Make the file's token the live one under this name; an older one is revoked, so a changed file rotates it."""
    wanted, found = digest(token), False
    for live in repository.live_tokens(session, kind, name):
        if live.token_digest == wanted:
            found = True
        else:
            live.revoked_at = clock.now()
            record(session, SYSTEM, "token.revoke", name)
    if not found:
        session.add(AccessToken(kind=kind, name=name, user_id=user_id, token_digest=wanted))
        record(session, SYSTEM, "token.create", name)
