"""Queries on catalogue rows."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from control_plane.catalogue.tables import CatalogModel


def all_rows(session: Session) -> list[CatalogModel]:
    return list(session.scalars(select(CatalogModel).order_by(CatalogModel.name)))


def listed(session: Session) -> list[CatalogModel]:
    statement = select(CatalogModel).where(CatalogModel.removed_at.is_(None)).order_by(CatalogModel.name)
    return list(session.scalars(statement))


def by_name(session: Session, name: str) -> CatalogModel | None:
    return session.scalar(select(CatalogModel).where(CatalogModel.name == name))
