"""Queries for the status page."""

from collections.abc import Sequence

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from control_plane.reconcilers.tables import ReconcilerStatus
from control_plane.served_models.tables import Replica, ServedModel


def schema_revision(session: Session) -> str | None:
    return session.scalar(text("SELECT version_num FROM alembic_version"))


def postgres_version(session: Session) -> str:
    return str(session.scalar(text("SHOW server_version")))


def reconcilers(session: Session) -> Sequence[ReconcilerStatus]:
    return session.scalars(select(ReconcilerStatus).order_by(ReconcilerStatus.name)).all()


def served_models(session: Session) -> Sequence[ServedModel]:
    return session.scalars(select(ServedModel).order_by(ServedModel.name)).all()


def replicas(session: Session) -> Sequence[Replica]:
    return session.scalars(select(Replica).order_by(Replica.served_model_id, Replica.replica_id)).all()
