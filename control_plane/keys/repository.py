"""Queries on API keys."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from control_plane.database.paging import Page, PageQuery, read_page
from control_plane.keys.tables import ApiKey


def live_keys(session: Session, *, at: datetime) -> Sequence[ApiKey]:
    """Neither revoked nor expired: what the gateway's snapshot holds."""
    return session.scalars(
        select(ApiKey)
        .where(ApiKey.revoked_at.is_(None), or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > at))
        .order_by(ApiKey.id)
    ).all()


def keys_page(session: Session, query: PageQuery, *, project_id: UUID | None, include_revoked: bool) -> Page[ApiKey]:
    statement = select(ApiKey)
    if project_id is not None:
        statement = statement.where(ApiKey.project_id == project_id)
    if not include_revoked:
        statement = statement.where(ApiKey.revoked_at.is_(None))
    return read_page(session, statement, ApiKey.id, query)


def key_by_id(session: Session, key_id: UUID) -> ApiKey | None:
    return session.get(ApiKey, key_id)


def key_by_digest(session: Session, digest: str) -> ApiKey | None:
    return session.scalar(select(ApiKey).where(ApiKey.digest == digest))
