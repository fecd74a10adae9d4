"""`/api/v1/jobs`."""

from typing import Annotated

from fastapi import APIRouter

from control_plane.access.dependencies import needs
from control_plane.access.domain import Principal
from control_plane.access.policy import Permission
from control_plane.database.dependencies import DbSession
from control_plane.database.paging import After, Limit, ListAnswer, list_answer, page_query
from control_plane.jobs import repository, service
from control_plane.jobs.schemas import JobAnswer, JobDetail, job_answer, job_detail
from control_plane.jobs.tables import JobState

router = APIRouter(prefix="/api/v1/jobs", tags=["jobs"])

Reads = Annotated[Principal, needs(Permission.JOBS_READ)]
Writes = Annotated[Principal, needs(Permission.JOBS_WRITE)]


@router.get("")
def list_jobs(
    session: DbSession,
    principal: Reads,
    after: After = None,
    limit: Limit = 20,
    kind: str | None = None,
    state: JobState | None = None,
) -> ListAnswer[JobAnswer]:
    """Newest first; those of one's projects."""
    query = page_query("job", after=after, limit=limit, newest_first=True)
    page = repository.jobs_page(session, query, kind=kind, state=state, reach=principal.reach)
    return list_answer([job_answer(job) for job in page.rows], has_more=page.has_more)


@router.get("/{job_id}")
def get_job(session: DbSession, principal: Reads, job_id: str) -> JobDetail:
    job = service.find(session, job_id, reach=principal.reach)
    return job_detail(job, events=repository.events_of(session, job.id))


@router.post("/{job_id}/cancel", status_code=202)
def cancel_job(session: DbSession, principal: Writes, job_id: str) -> JobAnswer:
    return job_answer(service.request_cancel(session, principal, job_id))
