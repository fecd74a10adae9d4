"""Queries on placements."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from control_plane.placements.domain import PlacementState, Seat
from control_plane.placements.tables import Placement


def all_placements(session: Session) -> list[Placement]:
    return list(session.scalars(select(Placement).order_by(Placement.id)))


def placements_of(session: Session, served_model_id: UUID) -> list[Placement]:
    return list(
        session.scalars(select(Placement).where(Placement.served_model_id == served_model_id).order_by(Placement.id))
    )


def add(session: Session, *, key: UUID, served_model_id: UUID, version_id: UUID, seat: Seat) -> None:
    session.add(
        Placement(id=key, served_model_id=served_model_id, version_id=version_id, seat=seat.model_dump(mode="json"))
    )


def write_states(session: Session, states: Mapping[UUID, tuple[PlacementState, str | None]]) -> None:
    """Rows that already say so are left alone."""
    for key, (state, reason) in states.items():
        changed = update(Placement).where(Placement.id == key)
        differs = (Placement.state != state) | (Placement.state_reason.is_distinct_from(reason))
        session.execute(changed.where(differs).values(state=state, state_reason=reason))


def remove(session: Session, keys: Iterable[UUID]) -> None:
    session.execute(delete(Placement).where(Placement.id.in_(list(keys))))
