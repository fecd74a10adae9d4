"""Queries on audit entries."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from control_plane.audit.tables import AuditEntry
from control_plane.database.paging import Page, PageQuery, read_page


def entries_page(session: Session, query: PageQuery, *, action: str | None, target: str | None) -> Page[AuditEntry]:
    statement = select(AuditEntry)
    if action is not None:
        statement = statement.where(AuditEntry.action == action)
    if target is not None:
        statement = statement.where(AuditEntry.target == target)
    return read_page(session, statement, AuditEntry.id, query)
