"""Taking a name. Two that take the same name at once: the database lets one of them through."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from appliance.base.errors import BadRequest
from appliance.base.ids import new_uuid
from control_plane.public_names.tables import PublicName


def is_taken(session: Session, name: str) -> bool:
    return session.scalar(select(PublicName.id).where(PublicName.name == name)) is not None


def take(session: Session, name: str, *, served_model_id: UUID | None = None, route_id: UUID | None = None) -> None:
    """For a flushed owner; raises BadRequest where the name belongs to another."""
    values = {"id": new_uuid(), "name": name, "served_model_id": served_model_id, "route_id": route_id}
    statement = insert(PublicName).values(values).on_conflict_do_nothing(index_elements=["name"])
    if session.scalar(statement.returning(PublicName.id)) is None:
        raise name_taken(name)


def name_taken(name: str) -> BadRequest:
    return BadRequest(
        f"The name {name[:80]!r} is taken by a served model or a route.",
        hint="See `appliance serve list` and `appliance routes list`.",
        param="name",
        code="name_taken",
    )
