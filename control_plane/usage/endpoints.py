"""`/api/v1/usage`: read by admins, fed by agents."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from appliance.base import clock
from appliance.base.errors import BadRequest
from appliance.base.ids import parse_public_id
from control_plane.access.dependencies import CurrentNode, needs
from control_plane.access.domain import Principal
from control_plane.access.policy import Permission
from control_plane.database.dependencies import DbSession
from control_plane.usage import repository, service
from control_plane.usage.domain import BucketWidth, GroupBy, UsageQuery
from control_plane.usage.schemas import IntakeAnswer, UsageBatch, UsagePage, intake_answer, usage_page

router = APIRouter(prefix="/api/v1/usage", tags=["usage"])

Reads = Annotated[Principal, needs(Permission.USAGE_READ)]

Time = Annotated[int | None, Query(ge=0, lt=253402300800, description="Unix seconds.")]


@router.get("")
def get_usage(
    session: DbSession,
    principal: Reads,
    start_time: Time = None,
    end_time: Time = None,
    bucket_width: BucketWidth = BucketWidth.DAY,
    group_by: Annotated[list[GroupBy] | None, Query(description="Split buckets by these; may be repeated.")] = None,
    project_id: str | None = None,
) -> UsagePage:
    """Requests and tokens per hour or day (UTC); the last seven days where no time is given. Only of one's
    projects.
    """
    end = datetime.fromtimestamp(end_time, UTC) if end_time is not None else clock.now()
    start = datetime.fromtimestamp(start_time, UTC) if start_time is not None else end - timedelta(days=7)
    project = parse_public_id("proj", project_id) if project_id else None
    if project_id and project is None:
        raise BadRequest("`project_id` is not the id of a project.", param="project_id")
    groups = tuple(dict.fromkeys(group_by or ()))
    query = UsageQuery(
        start=start, end=end, width=bucket_width, group_by=groups, project_id=project, reach=principal.reach
    )
    query.check()
    return usage_page(query, repository.rolled_up(session, query))


@router.post("/events")
def take_usage(session: DbSession, _: CurrentNode, body: UsageBatch) -> IntakeAnswer:
    """A node's agent ships spool records; sending them again changes nothing."""
    return intake_answer(service.take_records(session, body.records), sent=len(body.records))
