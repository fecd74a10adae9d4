"""Submit and cancel: what the API does to a job."""

from typing import Any
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.orm import Session

from appliance.base.errors import Conflict, NotFound
from appliance.base.ids import parse_public_id
from control_plane.access.domain import EVERYWHERE, Principal, Reach
from control_plane.audit.service import record
from control_plane.database.session import nudge
from control_plane.jobs import repository
from control_plane.jobs.domain import SPEC_FORMAT
from control_plane.jobs.leases import end, note
from control_plane.jobs.tables import TERMINAL, Job, JobEventKind, JobState

JOBS_RECONCILER = "jobs"


def submit(
    session: Session, *, kind: str, spec: dict[str, Any], project_id: UUID, idempotency_key: str | None = None
) -> Job:
    """Add a queued job: the row is its own outbox. A known idempotency key gives the job that it made."""
    if idempotency_key is not None:
        earlier = repository.job_by_idempotency_key(session, idempotency_key)
        if earlier is not None:
            return earlier
    job = Job(
        kind=kind, spec=spec, spec_format=SPEC_FORMAT, project_id=project_id, idempotency_key=idempotency_key,
        state=JobState.QUEUED, attempt=1,
    )  # fmt: skip
    session.add(job)
    session.flush()
    note(session, job, JobEventKind.SUBMITTED)
    nudge(session, JOBS_RECONCILER)
    return job


def find(session: Session, public: str, *, reach: Reach = EVERYWHERE) -> Job:
    """Raises NotFound also for a job of a project out of reach."""
    key = parse_public_id("job", public)
    job = repository.job_by_id(session, key) if key else None
    if job is None or not reach.covers(job.project_id):
        raise NotFound(f"There is no job {public[:80]!r}.", param="job_id")
    return job


def request_cancel(session: Session, principal: Principal, public: str) -> Job:
    """A queued job ends at once; a running one when its worker has killed its process. Again changes nothing."""
    job = repository.locked_job(session, find(session, public, reach=principal.reach).id)
    if job is None:
        raise NotFound(f"There is no job {public[:80]!r}.", param="job_id")
    if job.state is JobState.CANCELLED or job.cancel_requested_at is not None:
        return job
    if job.state in TERMINAL:
        raise Conflict(f"The job has already {job.state.value}.", code="job_has_ended")
    job.cancel_requested_at = func.now()  # pyright: ignore[reportAttributeAccessIssue]
    if job.state is JobState.QUEUED:
        end(session, job, JobState.CANCELLED, JobEventKind.CANCELLED)
    else:
        note(session, job, JobEventKind.CANCEL_REQUESTED)
    record(session, principal, "job.cancel", public, before={"state": job.state.value}).project_id = job.project_id
    session.flush()
    session.refresh(job)
    return job
