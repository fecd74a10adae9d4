"""`GET /api/v1/audit`: newest first."""

from typing import Annotated

from fastapi import APIRouter, Query

from control_plane.access.dependencies import CurrentAdmin
from control_plane.audit import repository
from control_plane.audit.schemas import AuditAnswer, audit_answer
from control_plane.database.dependencies import DbSession
from control_plane.database.paging import After, Limit, ListAnswer, list_answer, page_query

router = APIRouter(prefix="/api/v1/audit", tags=["audit"])


@router.get("")
def list_audit_entries(
    session: DbSession,
    _: CurrentAdmin,
    after: After = None,
    limit: Limit = 20,
    action: Annotated[str | None, Query(description="Only this action, e.g. `key.create`.")] = None,
    target: Annotated[str | None, Query(description="Only entries about this id or name.")] = None,
) -> ListAnswer[AuditAnswer]:
    query = page_query("audit", after=after, limit=limit, newest_first=True)
    page = repository.entries_page(session, query, action=action, target=target)
    return list_answer([audit_answer(entry) for entry in page.rows], has_more=page.has_more)
