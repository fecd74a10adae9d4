"""Queries on passwords, login sessions and tokens."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from control_plane.sessions.tables import AccessToken, LoginSession, PasswordCredential, TokenKind
from control_plane.tenants.tables import User


def credential_of(session: Session, user_id: UUID) -> PasswordCredential | None:
    """Locked for update, so that parallel tries are counted one by one."""
    return session.scalar(select(PasswordCredential).where(PasswordCredential.user_id == user_id).with_for_update())


def has_credential(session: Session, user_id: UUID) -> bool:
    return session.scalar(select(PasswordCredential.id).where(PasswordCredential.user_id == user_id)) is not None


def user_of_session(session: Session, token_digest: str, *, at: datetime) -> User | None:
    return session.scalar(
        select(User)
        .join(LoginSession, LoginSession.user_id == User.id)
        .where(LoginSession.token_digest == token_digest, LoginSession.expires_at > at, User.disabled_at.is_(None))
    )


def live_token(session: Session, token_digest: str) -> AccessToken | None:
    return session.scalar(
        select(AccessToken).where(AccessToken.token_digest == token_digest, AccessToken.revoked_at.is_(None))
    )


def live_tokens(session: Session, kind: TokenKind, name: str) -> list[AccessToken]:
    return list(
        session.scalars(
            select(AccessToken).where(
                AccessToken.kind == kind, AccessToken.name == name, AccessToken.revoked_at.is_(None)
            )
        )
    )


def delete_session(session: Session, token_digest: str) -> None:
    session.execute(delete(LoginSession).where(LoginSession.token_digest == token_digest))


def delete_expired_sessions(session: Session, *, at: datetime) -> None:
    session.execute(delete(LoginSession).where(LoginSession.expires_at <= at))
