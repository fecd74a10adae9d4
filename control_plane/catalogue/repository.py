"""Queries on catalogue rows."""

from collections.abc import Collection, Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session

from control_plane.catalogue.tables import AppliedUpdate, CatalogModel, CatalogueState, Origin

ORDER = tuple(Origin)


class Mark(NamedTuple):
    """A row without its entry: enough to see which one counts, and whether it changed."""

    id: UUID
    name: str
    origin: Origin
    digest: str


def all_rows(session: Session, *, origin: Origin) -> list[CatalogModel]:
    statement = select(CatalogModel).where(CatalogModel.origin == origin).order_by(CatalogModel.name)
    return list(session.scalars(statement))


def by_ids(session: Session, ids: Collection[UUID]) -> Sequence[CatalogModel]:
    return session.scalars(select(CatalogModel).where(CatalogModel.id.in_(ids))).all()


def marks(session: Session) -> list[Mark]:
    """Of all that are listed, of every origin."""
    columns = (CatalogModel.id, CatalogModel.name, CatalogModel.origin, CatalogModel.digest)
    statement = select(*columns).where(CatalogModel.removed_at.is_(None)).order_by(CatalogModel.name)
    return [Mark(*row) for row in session.execute(statement)]


def names(session: Session, *, origins: Collection[Origin]) -> set[str]:
    statement = select(CatalogModel.name).where(CatalogModel.removed_at.is_(None), CatalogModel.origin.in_(origins))
    return set(session.scalars(statement))


def by_name(session: Session, name: str) -> CatalogModel | None:
    """The row that counts; one that the release no longer carries only where there is no other."""
    rows = session.scalars(select(CatalogModel).where(CatalogModel.name == name))
    return max(rows, key=lambda row: (row.removed_at is None, ORDER.index(row.origin)), default=None)


def by_name_and_origin(session: Session, name: str, *, origin: Origin) -> CatalogModel | None:
    return session.scalar(select(CatalogModel).where(CatalogModel.name == name, CatalogModel.origin == origin))


def predecessors(session: Session, name: str) -> list[str]:
    """The names of the listed entries that name this one as their successor; older rows name it without evidence."""
    successor = CatalogModel.entry["successor"]
    named = or_(successor["value"].astext == name, successor.astext == name)
    statement = select(CatalogModel.name).where(CatalogModel.removed_at.is_(None), named)
    return sorted(session.scalars(statement))


def revision(session: Session) -> int:
    return session.scalar(select(CatalogueState.revision)) or 0


def begin_change(session: Session) -> None:
    """One change after the other: this waits for the transaction of the one before."""
    session.execute(update(CatalogueState).values(revision=CatalogueState.revision + 1))


def highest_update(session: Session) -> int:
    return session.scalar(select(func.max(AppliedUpdate.sequence))) or 0


def delete_origin(session: Session, origin: Origin) -> None:
    session.execute(delete(CatalogModel).where(CatalogModel.origin == origin))
