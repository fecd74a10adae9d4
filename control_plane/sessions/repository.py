"""Queries on passwords, wrong logins, login sessions, tokens and admin keys."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import CursorResult, delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from appliance.base.ids import new_uuid
from control_plane.database.paging import Page, PageQuery, read_page
from control_plane.sessions.tables import (
    AccessToken,
    AdminKey,
    LoginFailure,
    LoginSession,
    PasswordCredential,
    TokenKind,
    Tried,
)
from control_plane.tenants.tables import User


def credential_of(session: Session, user_id: UUID) -> PasswordCredential | None:
    """Locked for update, so that parallel tries are counted one by one."""
    return session.scalar(select(PasswordCredential).where(PasswordCredential.user_id == user_id).with_for_update())


def has_credential(session: Session, user_id: UUID) -> bool:
    return session.scalar(select(PasswordCredential.id).where(PasswordCredential.user_id == user_id)) is not None


def must_change_password(session: Session, user_id: UUID) -> bool:
    statement = select(PasswordCredential.must_change).where(PasswordCredential.user_id == user_id)
    return session.scalar(statement) or False


def locked_failures(session: Session, tried: Tried, subject: str, *, at: datetime) -> LoginFailure:
    """The count, locked for update; made with 0 where there is none."""
    made = insert(LoginFailure).values(id=new_uuid(), tried=tried, subject=subject, failed_count=0, failed_at=at)
    session.execute(made.on_conflict_do_nothing())
    statement = select(LoginFailure).where(LoginFailure.tried == tried, LoginFailure.subject == subject)
    return session.scalars(statement.with_for_update().execution_options(populate_existing=True)).one()


def forget_failures(session: Session, *, before: datetime) -> None:
    """Whoever is being counted by somebody else right now is passed over."""
    old = select(LoginFailure.id).where(LoginFailure.failed_at < before).with_for_update(skip_locked=True)
    session.execute(delete(LoginFailure).where(LoginFailure.id.in_(old)))


def forget_failures_of(session: Session, subjects: Sequence[str]) -> None:
    session.execute(delete(LoginFailure).where(LoginFailure.tried == Tried.NAME, LoginFailure.subject.in_(subjects)))


def session_with_user(session: Session, token_digest: str, *, at: datetime) -> tuple[LoginSession, User] | None:
    statement = (
        select(LoginSession, User)
        .join(User, LoginSession.user_id == User.id)
        .where(LoginSession.token_digest == token_digest, LoginSession.expires_at > at)
        .where(User.disabled_at.is_(None), User.removed_at.is_(None))
    )
    found = session.execute(statement).one_or_none()
    return (found[0], found[1]) if found else None


def session_by_id(session: Session, session_id: UUID) -> LoginSession | None:
    return session.get(LoginSession, session_id)


def sessions_page(session: Session, query: PageQuery, *, user_id: UUID, at: datetime) -> Page[LoginSession]:
    statement = select(LoginSession).where(LoginSession.user_id == user_id, LoginSession.expires_at > at)
    return read_page(session, statement, LoginSession.id, query)


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


def delete_sessions_of(session: Session, user_id: UUID, *, but_digest: str | None) -> int:
    statement = delete(LoginSession).where(LoginSession.user_id == user_id)
    if but_digest is not None:
        statement = statement.where(LoginSession.token_digest != but_digest)
    return cast(CursorResult[Any], session.execute(statement)).rowcount


def admin_key_by_digest(session: Session, key_digest: str, *, at: datetime) -> AdminKey | None:
    return session.scalar(
        select(AdminKey).where(
            AdminKey.digest == key_digest,
            AdminKey.revoked_at.is_(None),
            or_(AdminKey.expires_at.is_(None), AdminKey.expires_at > at),
        )
    )


def admin_key_by_id(session: Session, key_id: UUID) -> AdminKey | None:
    return session.scalar(select(AdminKey).where(AdminKey.id == key_id, AdminKey.revoked_at.is_(None)))


def admin_keys_page(session: Session, query: PageQuery) -> Page[AdminKey]:
    return read_page(session, select(AdminKey).where(AdminKey.revoked_at.is_(None)), AdminKey.id, query)


def note_admin_key_use(session: Session, key_id: UUID, *, at: datetime) -> None:
    session.execute(
        update(AdminKey).where(AdminKey.id == key_id).values(last_used_at=at, updated_at=AdminKey.updated_at)
    )


def users_by_id(session: Session, user_ids: Sequence[UUID]) -> dict[UUID, User]:
    return {user.id: user for user in session.scalars(select(User).where(User.id.in_(user_ids)))}
