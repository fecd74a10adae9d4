"""`/api/v1/audit`: newest first, checked, exported; `/v1/organization/audit_logs` as OpenAI's admin API has it."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Annotated, cast
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse

from appliance.base.errors import BadRequest
from appliance.base.ids import parse_public_id
from control_plane.access.dependencies import needs
from control_plane.access.domain import Principal
from control_plane.access.policy import Permission
from control_plane.audit import repository, service
from control_plane.audit.chain import canonical
from control_plane.audit.repository import AuditFilter
from control_plane.audit.schemas import (
    EVENT_TYPES,
    AuditAnswer,
    AuditLogAnswer,
    VerdictAnswer,
    audit_answer,
    audit_log_answer,
    exported,
    verdict_answer,
)
from control_plane.database.dependencies import DbSession
from control_plane.database.paging import After, Before, Limit, ListAnswer, list_answer, page_query
from control_plane.database.session import SessionFactory

router = APIRouter(prefix="/api/v1/audit", tags=["audit"])
organization = APIRouter(prefix="/v1/organization/audit_logs", tags=["organization"])

Reads = Annotated[Principal, needs(Permission.AUDIT_READ)]
Since = Annotated[int, Query(ge=0, lt=2**62, description="Only entries after this number of the chain.")]
ActorIds = Annotated[list[str] | None, Query(alias="actor_ids[]", max_length=100)]
EventTypes = Annotated[list[str] | None, Query(alias="event_types[]", max_length=200)]
ProjectIds = Annotated[list[str] | None, Query(alias="project_ids[]", max_length=100)]
ResourceIds = Annotated[list[str] | None, Query(alias="resource_ids[]", max_length=100)]
Gte = Annotated[int | None, Query(alias="effective_at[gte]", ge=0, lt=253402300800)]
Gt = Annotated[int | None, Query(alias="effective_at[gt]", ge=0, lt=253402300800)]
Lte = Annotated[int | None, Query(alias="effective_at[lte]", ge=0, lt=253402300800)]
Lt = Annotated[int | None, Query(alias="effective_at[lt]", ge=0, lt=253402300800)]


@router.get("")
def list_audit_entries(
    session: DbSession,
    _: Reads,
    after: After = None,
    limit: Limit = 20,
    action: Annotated[str | None, Query(description="Only this action, e.g. `key.create`.")] = None,
    target: Annotated[str | None, Query(description="Only entries about this id or name.")] = None,
) -> ListAnswer[AuditAnswer]:
    query = page_query("audit", after=after, limit=limit, newest_first=True)
    wanted = AuditFilter(actions=[action] if action else (), targets=[target] if target else ())
    page = repository.entries_page(session, query, wanted=wanted)
    return list_answer([audit_answer(entry) for entry in page.rows], has_more=page.has_more)


@router.get("/verify")
def verify_audit_chain(session: DbSession, _: Reads) -> VerdictAnswer:
    """Read every entry and check the chain: an entry that was changed or removed is named."""
    return verdict_answer(service.check_chain(session))


@router.get("/export", response_class=StreamingResponse)
def export_audit_entries(request: Request, _: Reads, after_sequence: Since = 0) -> StreamingResponse:
    """JSON lines in the chain's order. A line without its `hash`, keys sorted, no spaces, is what the hash is over."""
    factory = cast(SessionFactory, request.app.state.session_factory)
    return StreamingResponse(lines(factory, since=after_sequence), media_type="application/x-ndjson")


def lines(factory: SessionFactory, *, since: int) -> Iterator[bytes]:
    """A session of its own: the request's ends before the answer is sent."""
    with factory() as session:
        for entry in repository.chained_entries(session, since=since):
            yield canonical(exported(entry)) + b"\n"


@organization.get("")
def list_audit_logs(
    session: DbSession,
    _: Reads,
    after: After = None,
    before: Before = None,
    limit: Limit = 20,
    actor_ids: ActorIds = None,
    event_types: EventTypes = None,
    project_ids: ProjectIds = None,
    resource_ids: ResourceIds = None,
    since: Gte = None,
    later_than: Gt = None,
    until: Lte = None,
    earlier_than: Lt = None,
) -> ListAnswer[AuditLogAnswer]:
    """Newest first."""
    query = page_query("audit", after=after, before=before, limit=limit, newest_first=True)
    wanted = AuditFilter(
        actions=actions_of(event_types or ()),
        targets=resource_ids or (),
        actor_ids=ids_of("user", actor_ids or (), param="actor_ids"),
        project_ids=ids_of("proj", project_ids or (), param="project_ids"),
        since=moment(since, (later_than + 1) if later_than is not None else None, latest=True),
        until=moment(until, (earlier_than - 1) if earlier_than else None, latest=False),
    )
    page = repository.entries_page(session, query, wanted=wanted)
    return list_answer([audit_log_answer(entry) for entry in page.rows], has_more=page.has_more)


def actions_of(event_types: Sequence[str]) -> list[str]:
    """OpenAI's words, or our own."""
    return [ours for ours, theirs in EVENT_TYPES.items() if theirs in event_types] + list(event_types)


def ids_of(prefix: str, texts: Sequence[str], *, param: str) -> list[UUID]:
    keys = [parse_public_id(prefix, text) for text in texts]
    if None in keys:
        raise BadRequest(f"One of `{param}` is no id of that kind.", param=param)
    return [key for key in keys if key is not None]


def moment(one: int | None, other: int | None, *, latest: bool) -> datetime | None:
    """The narrower of two bounds; an upper one includes its whole second."""
    given = [each for each in (one, other) if each is not None]
    if not given:
        return None
    bound = max(given) if latest else min(given) + 1
    return datetime.fromtimestamp(min(bound, 253402300799), UTC)
