"""Tables of jobs and of their events."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from control_plane.database.base import Base, Row, text_enum


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


TERMINAL = (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)


class JobEventKind(StrEnum):
    SUBMITTED = "submitted"
    CLAIMED = "claimed"
    RELEASED = "released"
    LOST = "lost"
    CANCEL_REQUESTED = "cancel_requested"
    CANCELLED = "cancelled"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Job(Row, Base):
    """One job. `attempt` counts from 1; `fence` rises with each claim, and only the holder of the newest may write.

    Times of the lease are the database's clock. `dispatched_attempt` is the attempt whose message was last published:
    with `dispatched_at` it is the outbox. `spec` is versioned by `spec_format`, as N and N-1 work side by side.
    """

    __tablename__ = "jobs"
    __table_args__ = (Index("ix_jobs_unfinished", "state", postgresql_where="state IN ('queued', 'running')"),)

    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id"), index=True)
    kind: Mapped[str]
    state: Mapped[JobState] = mapped_column(text_enum(JobState), default=JobState.QUEUED)
    spec: Mapped[dict[str, Any]]
    spec_format: Mapped[int] = mapped_column(default=1)
    idempotency_key: Mapped[str | None] = mapped_column(unique=True)
    attempt: Mapped[int] = mapped_column(default=1)
    not_before: Mapped[datetime | None]
    lease_owner: Mapped[str | None]
    lease_expires_at: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(default=0)
    dispatched_attempt: Mapped[int | None]
    dispatched_at: Mapped[datetime | None]
    cancel_requested_at: Mapped[datetime | None]
    progress: Mapped[dict[str, Any] | None]
    result: Mapped[dict[str, Any] | None]
    error: Mapped[dict[str, Any] | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class JobEvent(Row, Base):
    """One transition of a job; appended, never changed."""

    __tablename__ = "job_events"

    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), index=True)
    attempt: Mapped[int]
    kind: Mapped[JobEventKind] = mapped_column(text_enum(JobEventKind))
    detail: Mapped[dict[str, Any] | None]
