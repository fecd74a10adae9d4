"""Queries on nodes."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from control_plane.database.paging import Page, PageQuery, read_page
from control_plane.nodes.tables import Node

WITH_ACCELERATORS = selectinload(Node.accelerators)


def node_by_id(session: Session, node_id: UUID) -> Node | None:
    return session.get(Node, node_id, options=[WITH_ACCELERATORS])


def all_nodes(session: Session) -> Sequence[Node]:
    return session.scalars(select(Node).options(WITH_ACCELERATORS).order_by(Node.id)).all()


def nodes_page(session: Session, query: PageQuery) -> Page[Node]:
    return read_page(session, select(Node).options(WITH_ACCELERATORS), Node.id, query)
