"""Jobs on the wire."""

from typing import Any, Literal

from pydantic import BaseModel

from appliance.base.ids import public_id
from control_plane.jobs.tables import Job, JobEvent, JobEventKind, JobState


class JobAnswer(BaseModel):
    """Times are Unix seconds. `progress` is the kind's own; an import's and an export's have `done_bytes`,
    `total_bytes`, `file`.
    """

    object: Literal["job"] = "job"
    id: str
    kind: str
    state: JobState
    attempt: int
    progress: dict[str, Any] | None
    result: dict[str, Any] | None
    error: dict[str, Any] | None
    cancel_requested: bool
    created_at: int
    started_at: int | None
    finished_at: int | None


class JobEventAnswer(BaseModel):
    id: str
    attempt: int
    kind: JobEventKind
    detail: dict[str, Any] | None
    created_at: int


class JobDetail(JobAnswer):
    spec: dict[str, Any]
    events: list[JobEventAnswer]


def job_answer(job: Job) -> JobAnswer:
    return JobAnswer(
        id=public_id("job", job.id),
        kind=job.kind,
        state=job.state,
        attempt=job.attempt,
        progress=job.progress,
        result=job.result,
        error=job.error,
        cancel_requested=job.cancel_requested_at is not None,
        created_at=int(job.created_at.timestamp()),
        started_at=int(job.started_at.timestamp()) if job.started_at else None,
        finished_at=int(job.finished_at.timestamp()) if job.finished_at else None,
    )


def job_detail(job: Job, *, events: list[JobEvent]) -> JobDetail:
    return JobDetail(
        **job_answer(job).model_dump(),
        spec=job.spec,
        events=[
            JobEventAnswer(
                id=public_id("jobev", event.id),
                attempt=event.attempt,
                kind=event.kind,
                detail=event.detail,
                created_at=int(event.created_at.timestamp()),
            )
            for event in events
        ],
    )
