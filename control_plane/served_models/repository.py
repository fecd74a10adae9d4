"""Queries on served models and replicas."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from appliance.base.ids import new_uuid
from control_plane.access.domain import Reach
from control_plane.access.filters import within_or_shared
from control_plane.served_models.tables import BundledIntent, DesiredState, ObservedState, Replica, ServedModel
from control_plane.versions.tables import ModelVersion


def by_name(session: Session, name: str) -> ServedModel | None:
    return session.scalar(select(ServedModel).where(ServedModel.name == name))


def by_id(session: Session, served_model_id: UUID) -> ServedModel | None:
    return session.get(ServedModel, served_model_id)


def all_served(session: Session) -> list[ServedModel]:
    return list(session.scalars(select(ServedModel).order_by(ServedModel.name)))


def visible(session: Session, *, reach: Reach, shared_project_id: UUID) -> list[ServedModel]:
    seen = within_or_shared(ServedModel.project_id, reach, shared_project_id=shared_project_id)
    return list(session.scalars(select(ServedModel).where(seen).order_by(ServedModel.name)))


def visible_replicas(session: Session, *, reach: Reach, shared_project_id: UUID) -> list[Replica]:
    seen = within_or_shared(ServedModel.project_id, reach, shared_project_id=shared_project_id)
    statement = select(Replica).join(ServedModel, ServedModel.id == Replica.served_model_id).where(seen)
    return list(session.scalars(statement.order_by(Replica.replica_id)))


def with_versions(session: Session) -> list[tuple[ServedModel, ModelVersion]]:
    statement = select(ServedModel, ModelVersion).join(ModelVersion, ModelVersion.id == ServedModel.version_id)
    return [(served, version) for served, version in session.execute(statement.order_by(ServedModel.id))]


def all_replicas(session: Session) -> list[Replica]:
    return list(session.scalars(select(Replica).order_by(Replica.replica_id)))


def replicas_of(session: Session, served_model_id: UUID) -> list[Replica]:
    statement = select(Replica).where(Replica.served_model_id == served_model_id)
    return list(session.scalars(statement.order_by(Replica.replica_id)))


def put_replica(session: Session, values: dict[str, Any]) -> None:
    """Insert or renew the row of `values["replica_id"]`."""
    statement = insert(Replica).values(id=new_uuid(), **values)
    session.execute(statement.on_conflict_do_update(index_elements=["replica_id"], set_=values))


def write_scale(session: Session, served_model_id: UUID, *, replicas: int) -> None:
    """The autoscaler's decision, unless an admin took the model out of its hands meanwhile."""
    session.execute(
        update(ServedModel)
        .where(ServedModel.id == served_model_id, ServedModel.max_replicas.is_not(None))
        .values(desired_replicas=replicas)
    )


def write_observation(
    session: Session, served_model_id: UUID, *, state: ObservedState, reason: str | None, replicas: int, at: datetime
) -> None:
    values = {"observed_state": state, "observed_reason": reason, "observed_replicas": replicas, "observed_at": at}
    session.execute(update(ServedModel).where(ServedModel.id == served_model_id).values(**values))


def forget_replicas(session: Session, *, last_seen_before: datetime, but: set[str]) -> None:
    """Delete replicas that are silent since then, except those whose records (`but`) are still in the live table."""
    session.execute(delete(Replica).where(Replica.last_seen_at < last_seen_before, Replica.replica_id.not_in(but)))


def remove_drained(session: Session, served_model_id: UUID) -> None:
    """Delete the row of a removed model, unless somebody wants it again by now."""
    session.execute(
        delete(ServedModel).where(ServedModel.id == served_model_id, ServedModel.desired_state == DesiredState.REMOVED)
    )


def bundled_intent(session: Session, model_name: str) -> BundledIntent | None:
    return session.scalar(select(BundledIntent).where(BundledIntent.model_name == model_name))
