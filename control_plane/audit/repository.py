"""Queries on audit entries and their chain."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from control_plane.audit.tables import AuditEntry, AuditHead
from control_plane.database.paging import Page, PageQuery, read_page

HEAD_ID = 1
BATCH = 1000


@dataclass(frozen=True, kw_only=True)
class AuditFilter:
    """What a list is narrowed to; empty means all. Times are closed intervals."""

    actions: Sequence[str] = ()
    targets: Sequence[str] = ()
    actor_ids: Sequence[UUID] = ()
    project_ids: Sequence[UUID] = ()
    since: datetime | None = None
    until: datetime | None = None

    def apply(self, statement: Select[AuditEntry]) -> Select[AuditEntry]:
        for column, wanted in (
            (AuditEntry.action, self.actions),
            (AuditEntry.target, self.targets),
            (AuditEntry.actor_id, self.actor_ids),
            (AuditEntry.project_id, self.project_ids),
        ):
            if wanted:
                statement = statement.where(column.in_(wanted))
        if self.since is not None:
            statement = statement.where(AuditEntry.created_at >= self.since)
        if self.until is not None:
            statement = statement.where(AuditEntry.created_at <= self.until)
        return statement


def entries_page(session: Session, query: PageQuery, *, wanted: AuditFilter) -> Page[AuditEntry]:
    return read_page(session, wanted.apply(select(AuditEntry)), AuditEntry.id, query)


def head(session: Session) -> AuditHead:
    return session.scalars(select(AuditHead).where(AuditHead.id == HEAD_ID)).one()


def locked_head(session: Session) -> AuditHead:
    statement = select(AuditHead).where(AuditHead.id == HEAD_ID).with_for_update()
    return session.scalars(statement.execution_options(populate_existing=True)).one()


def unsealed_entries(session: Session) -> Sequence[AuditEntry]:
    """In the order of their writing, as the database spells them."""
    statement = select(AuditEntry).where(AuditEntry.sequence.is_(None)).order_by(AuditEntry.id)
    return session.scalars(statement.execution_options(populate_existing=True)).all()


def chained_entries(session: Session, *, up_to: int | None = None, since: int = 0) -> Iterator[AuditEntry]:
    """In the chain's order, from the entry after `since` on; nothing of it stays in memory."""
    last = since
    while True:
        statement = select(AuditEntry).where(AuditEntry.sequence > last).order_by(AuditEntry.sequence).limit(BATCH)
        if up_to is not None:
            statement = statement.where(AuditEntry.sequence <= up_to)
        rows = session.scalars(statement.execution_options(populate_existing=True)).all()
        if not rows:
            return
        yield from rows
        last = rows[-1].sequence or last
        for row in rows:
            session.expunge(row)
