"""Queries on model versions."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from control_plane.access.domain import Reach
from control_plane.access.filters import within_or_shared
from control_plane.database.paging import Page, PageQuery, read_page
from control_plane.jobs.tables import Job, JobState
from control_plane.versions.tables import ModelVersion, VersionState


def version_by_id(session: Session, version_id: UUID) -> ModelVersion | None:
    return session.get(ModelVersion, version_id)


def versions_page(
    session: Session, query: PageQuery, *, model_name: str | None, reach: Reach, shared_project_id: UUID
) -> Page[ModelVersion]:
    seen = within_or_shared(ModelVersion.project_id, reach, shared_project_id=shared_project_id)
    statement = select(ModelVersion).where(seen)
    if model_name is not None:
        statement = statement.where(ModelVersion.model_name == model_name)
    return read_page(session, statement, ModelVersion.id, query)


def newest_of(session: Session, model_name: str, *, state: VersionState) -> ModelVersion | None:
    statement = select(ModelVersion).where(ModelVersion.model_name == model_name, ModelVersion.state == state)
    return session.scalar(statement.order_by(ModelVersion.id.desc()).limit(1))


def newest_locked(session: Session, model_name: str) -> ModelVersion | None:
    """In whatever state, locked until the transaction ends."""
    statement = select(ModelVersion).where(ModelVersion.model_name == model_name).order_by(ModelVersion.id.desc())
    return session.scalar(statement.limit(1).with_for_update())


def importing_with_ended_job(session: Session) -> list[tuple[ModelVersion, Job]]:
    """Versions that still say `importing` though their job failed or was cancelled, locked."""
    statement = (
        select(ModelVersion, Job)
        .join(Job, Job.id == ModelVersion.job_id)
        .where(ModelVersion.state == VersionState.IMPORTING, Job.state.in_((JobState.FAILED, JobState.CANCELLED)))
        .with_for_update(of=ModelVersion, skip_locked=True)
    )
    return [(version, job) for version, job in session.execute(statement)]
