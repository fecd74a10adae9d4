"""Queries on stored responses. One that has expired is not there any more."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from control_plane.responses.tables import StoredResponse

MOST_CHAIN = 1000
SWEPT_AT_ONCE = 100


def find(session: Session, response_id: UUID, *, project_id: UUID, at: datetime) -> StoredResponse | None:
    return session.scalar(
        select(StoredResponse).where(
            StoredResponse.id == response_id,
            StoredResponse.project_id == project_id,
            StoredResponse.expires_at > at,
        )
    )


def chain(session: Session, response_id: UUID, *, project_id: UUID, at: datetime) -> Sequence[StoredResponse]:
    """This response and those before it, oldest first, as far back as they are there and `MOST_CHAIN` goes."""
    visible = (StoredResponse.project_id == project_id, StoredResponse.expires_at > at)
    columns = (StoredResponse.id, StoredResponse.previous_id)
    first = select(*columns, literal(0).label("depth")).where(StoredResponse.id == response_id, *visible)
    walk = first.cte("walk", recursive=True)
    before = select(*columns, walk.c.depth + 1).join(walk, StoredResponse.id == walk.c.previous_id)
    walk = walk.union_all(before.where(*visible, walk.c.depth < MOST_CHAIN))
    statement = select(StoredResponse).join(walk, walk.c.id == StoredResponse.id).order_by(walk.c.depth.desc())
    return session.scalars(statement).all()


def put(session: Session, response: StoredResponse) -> None:
    """Insert; the same id again changes nothing, so that a gateway may try twice."""
    values = {
        "id": response.id,
        "project_id": response.project_id,
        "key_id": response.key_id,
        "body": response.body,
        "items": response.items,
        "previous_id": response.previous_id,
        "expires_at": response.expires_at,
    }
    session.execute(insert(StoredResponse).values(**values).on_conflict_do_nothing(index_elements=["id"]))


def remove(session: Session, response_id: UUID, *, project_id: UUID) -> bool:
    """Whether there was one."""
    statement = delete(StoredResponse).where(StoredResponse.id == response_id, StoredResponse.project_id == project_id)
    return session.scalar(statement.returning(StoredResponse.id)) is not None


def sweep(session: Session, *, at: datetime) -> None:
    """Delete some of the expired ones: each that is stored takes a few old ones along."""
    old = select(StoredResponse.id).where(StoredResponse.expires_at <= at).limit(SWEPT_AT_ONCE)
    session.execute(delete(StoredResponse).where(StoredResponse.id.in_(old.with_for_update(skip_locked=True))))
