"""`/api/v1/jobs`."""

from fastapi import APIRouter

from control_plane.access.dependencies import CurrentAdmin
from control_plane.database.dependencies import DbSession
from control_plane.database.paging import After, Limit, ListAnswer, list_answer, page_query
from control_plane.jobs import repository, service
from control_plane.jobs.schemas import JobAnswer, JobDetail, job_answer, job_detail
from control_plane.jobs.tables import JobState

router = APIRouter(prefix="/api/v1/jobs", tags=["jobs"])


@router.get("")
def list_jobs(
    session: DbSession,
    _: CurrentAdmin,
    after: After = None,
    limit: Limit = 20,
    kind: str | None = None,
    state: JobState | None = None,
) -> ListAnswer[JobAnswer]:
    """Newest first."""
    query = page_query("job", after=after, limit=limit, newest_first=True)
    page = repository.jobs_page(session, query, kind=kind, state=state)
    return list_answer([job_answer(job) for job in page.rows], has_more=page.has_more)


@router.get("/{job_id}")
def get_job(session: DbSession, _: CurrentAdmin, job_id: str) -> JobDetail:
    job = service.find(session, job_id)
    return job_detail(job, events=repository.events_of(session, job.id))


@router.post("/{job_id}/cancel", status_code=202)
def cancel_job(session: DbSession, admin: CurrentAdmin, job_id: str) -> JobAnswer:
    return job_answer(service.request_cancel(session, admin, job_id))
