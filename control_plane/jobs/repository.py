"""Queries on jobs. Writes of a running job are guarded by its fence; leases are timed by the database's clock."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.orm import Session

from control_plane.access.domain import Reach
from control_plane.access.filters import within
from control_plane.database.paging import Page, PageQuery, read_page
from control_plane.jobs.tables import TERMINAL, Job, JobEvent, JobState


def job_by_id(session: Session, job_id: UUID) -> Job | None:
    return session.get(Job, job_id)


def job_by_idempotency_key(session: Session, key: str) -> Job | None:
    return session.scalar(select(Job).where(Job.idempotency_key == key))


def locked_job(session: Session, job_id: UUID) -> Job | None:
    """The job, locked until the transaction ends."""
    return session.scalar(
        select(Job).where(Job.id == job_id).with_for_update().execution_options(populate_existing=True)
    )


def jobs_page(
    session: Session, query: PageQuery, *, kind: str | None, state: JobState | None, reach: Reach
) -> Page[Job]:
    statement = select(Job).where(within(Job.project_id, reach))
    if kind is not None:
        statement = statement.where(Job.kind == kind)
    if state is not None:
        statement = statement.where(Job.state == state)
    return read_page(session, statement, Job.id, query)


def events_of(session: Session, job_id: UUID) -> list[JobEvent]:
    return list(session.scalars(select(JobEvent).where(JobEvent.job_id == job_id).order_by(JobEvent.id)))


def take(session: Session, job_id: UUID, *, attempt: int, owner: str, lease_seconds: float) -> Job | None:
    """Claim a queued job of this attempt; None when somebody else has it, it has ended, or the attempt is old."""
    statement = (
        update(Job)
        .where(
            Job.id == job_id,
            Job.attempt == attempt,
            Job.state == JobState.QUEUED,
            or_(Job.not_before.is_(None), Job.not_before <= func.now()),
        )
        .values(
            state=JobState.RUNNING,
            fence=Job.fence + 1,
            lease_owner=owner,
            lease_expires_at=func.now() + timedelta(seconds=lease_seconds),
            started_at=func.coalesce(Job.started_at, func.now()),
        )
        .returning(Job)
        .execution_options(populate_existing=True)
    )
    return session.scalar(statement)


def extend(
    session: Session, job_id: UUID, *, fence: int, lease_seconds: float, progress: dict[str, Any] | None
) -> Job | None:
    """Renew the lease and save progress; None when the fence is void or the lease has run out."""
    values: dict[str, Any] = {"lease_expires_at": func.now() + timedelta(seconds=lease_seconds)}
    if progress is not None:
        values["progress"] = progress
    statement = (
        update(Job)
        .where(Job.id == job_id, Job.fence == fence, Job.state == JobState.RUNNING, Job.lease_expires_at > func.now())
        .values(**values)
        .returning(Job)
        .execution_options(populate_existing=True)
    )
    return session.scalar(statement)


def locked_under_fence(session: Session, job_id: UUID, *, fence: int) -> Job | None:
    """The running job, locked, if `fence` is still the newest claim."""
    statement = select(Job).where(Job.id == job_id, Job.fence == fence, Job.state == JobState.RUNNING).with_for_update()
    return session.scalar(statement.execution_options(populate_existing=True))


def expired(session: Session) -> list[Job]:
    """Running jobs whose worker fell silent, locked; those that another sweep holds are passed over."""
    statement = select(Job).where(Job.state == JobState.RUNNING, Job.lease_expires_at < func.now())
    return list(session.scalars(statement.with_for_update(skip_locked=True)))


def due_for_dispatch(session: Session, *, republish_after_seconds: float | None) -> list[Job]:
    """Queued jobs whose attempt was never published and, unless None, those published that long ago."""
    unpublished = Job.dispatched_attempt.is_distinct_from(Job.attempt)
    due = [unpublished]
    if republish_after_seconds is not None:
        due.append(Job.dispatched_at < func.now() - timedelta(seconds=republish_after_seconds))
    statement = select(Job).where(
        Job.state == JobState.QUEUED, or_(Job.not_before.is_(None), Job.not_before <= func.now()), or_(*due)
    )
    return list(session.scalars(statement.order_by(Job.id)))


def mark_dispatched(session: Session, job_id: UUID, *, attempt: int) -> None:
    session.execute(
        update(Job)
        .where(and_(Job.id == job_id, Job.attempt == attempt, Job.state == JobState.QUEUED))
        .values(dispatched_attempt=attempt, dispatched_at=func.now())
    )


def count_unfinished(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(Job).where(Job.state.not_in(TERMINAL))) or 0
