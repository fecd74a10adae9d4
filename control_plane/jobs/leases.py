"""Claim, renew, release, finish: what a worker does to a job. All but the claim are void without the newest fence.

Only a queued job can be claimed, so each start of a process is one attempt and a poison job meets its cap; a
redelivered message finds no queued row of its attempt and is dropped.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.orm import Session

from control_plane.jobs import repository
from control_plane.jobs.domain import Claim, JobKind, Renewal, backoff_seconds, may_try_again
from control_plane.jobs.tables import Job, JobEvent, JobEventKind, JobState

WORKER_LOST = "worker_lost"


def claim(session: Session, job_id: UUID, *, attempt: int, owner: str, lease_seconds: float) -> Claim | None:
    job = repository.take(session, job_id, attempt=attempt, owner=owner, lease_seconds=lease_seconds)
    if job is None:
        return None
    note(session, job, JobEventKind.CLAIMED, owner=owner, fence=job.fence)
    return Claim(job.id, job.kind, job.attempt, job.fence, dict(job.spec), job.spec_format)


def renew(session: Session, held: Claim, *, lease_seconds: float, progress: dict[str, Any] | None) -> Renewal:
    job = repository.extend(session, held.job_id, fence=held.fence, lease_seconds=lease_seconds, progress=progress)
    if job is None:
        return Renewal(held=False)
    return Renewal(held=True, cancel_requested=job.cancel_requested_at is not None)


def succeed(session: Session, held: Claim, *, kind: JobKind, result: dict[str, Any]) -> bool:
    """Finish the job and make its result rows, both or neither; False when the fence is void."""
    job = repository.locked_under_fence(session, held.job_id, fence=held.fence)
    if job is None:
        return False
    kind.complete(session, job.id, result)
    job.result = result
    end(session, job, JobState.SUCCEEDED, JobEventKind.SUCCEEDED)
    return True


def fail(session: Session, held: Claim, *, error: dict[str, Any]) -> bool:
    """End the job for a reason that a repeat would not change; False when the fence is void."""
    job = repository.locked_under_fence(session, held.job_id, fence=held.fence)
    if job is None:
        return False
    job.error = error
    end(session, job, JobState.FAILED, JobEventKind.FAILED, **error)
    return True


def confirm_cancel(session: Session, held: Claim) -> bool:
    """The process group is gone: the cancel that was asked for is done."""
    job = repository.locked_under_fence(session, held.job_id, fence=held.fence)
    if job is None:
        return False
    end(session, job, JobState.CANCELLED, JobEventKind.CANCELLED)
    return True


def release(session: Session, held: Claim) -> bool:
    """Give the job back, same attempt: this worker is going down in good order."""
    job = repository.locked_under_fence(session, held.job_id, fence=held.fence)
    if job is None:
        return False
    requeue(job)
    note(session, job, JobEventKind.RELEASED)
    return True


def give_up_attempt(session: Session, held: Claim, *, reason: str, max_attempts: int, backoff_base: float) -> bool:
    """The job's process died without a word: count the attempt, and try again or fail."""
    job = repository.locked_under_fence(session, held.job_id, fence=held.fence)
    if job is None:
        return False
    lose_attempt(session, job, reason=reason, max_attempts=max_attempts, backoff_base=backoff_base)
    return True


def sweep_expired(session: Session, *, max_attempts: int, backoff_base: float) -> int:
    """Take back every job whose lease ran out; how many there were."""
    jobs = repository.expired(session)
    for job in jobs:
        reason = f"the worker {job.lease_owner} fell silent"
        lose_attempt(session, job, reason=reason, max_attempts=max_attempts, backoff_base=backoff_base)
    return len(jobs)


def lose_attempt(session: Session, job: Job, *, reason: str, max_attempts: int, backoff_base: float) -> None:
    note(session, job, JobEventKind.LOST, reason=reason)
    if job.cancel_requested_at is not None:
        end(session, job, JobState.CANCELLED, JobEventKind.CANCELLED)
    elif may_try_again(job.attempt, max_attempts=max_attempts):
        job.attempt += 1
        wait = backoff_seconds(job.attempt, base_seconds=backoff_base)
        requeue(job)
        job.not_before = func.now() + timedelta(seconds=wait)  # pyright: ignore[reportAttributeAccessIssue]
    else:
        job.error = {
            "code": WORKER_LOST,
            "message": f"The job was given up after {job.attempt} attempts; at the last one {reason}.",
            "hint": "See `appliance logs worker`; the machine may be short of memory.",
        }
        end(session, job, JobState.FAILED, JobEventKind.FAILED, code=WORKER_LOST)


def requeue(job: Job) -> None:
    job.state = JobState.QUEUED
    job.lease_owner = None
    job.lease_expires_at = None
    job.dispatched_attempt = None


def end(session: Session, job: Job, state: JobState, event: JobEventKind, **detail: Any) -> None:
    job.state = state
    job.lease_owner = None
    job.lease_expires_at = None
    job.finished_at = func.now()  # pyright: ignore[reportAttributeAccessIssue]
    note(session, job, event, **detail)


def note(session: Session, job: Job, kind: JobEventKind, **detail: Any) -> None:
    session.add(JobEvent(job_id=job.id, attempt=job.attempt, kind=kind, detail=detail or None))
