"""Queries on invites."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from control_plane.database.paging import Page, PageQuery, read_page
from control_plane.users.tables import Invite


def invites_page(session: Session, query: PageQuery) -> Page[Invite]:
    return read_page(session, select(Invite), Invite.id, query)


def invite_by_id(session: Session, invite_id: UUID) -> Invite | None:
    return session.get(Invite, invite_id)


def open_invite(session: Session, token_digest: str, *, at: datetime) -> Invite | None:
    """Neither accepted nor expired; locked, so that it is accepted once."""
    statement = select(Invite).where(
        Invite.token_digest == token_digest, Invite.accepted_at.is_(None), Invite.expires_at > at
    )
    return session.scalar(statement.with_for_update())
