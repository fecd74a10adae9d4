"""Usage on the wire: intake from agents, and buckets shaped like OpenAI's usage API."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Row

from appliance.base.contracts.usage_spool import UsageRecord
from appliance.base.ids import public_id
from control_plane.usage.domain import GroupBy, Intake, UsageQuery

MOST_RECORDS = 1000


class UsageBatch(BaseModel):
    """Lines of one spool file, in their order."""

    model_config = ConfigDict(extra="forbid")

    records: Annotated[list[UsageRecord], Field(max_length=MOST_RECORDS)]


class RejectedRecord(BaseModel):
    request_id: str
    reason: str


class IntakeAnswer(BaseModel):
    """All records but the rejected ones are counted now. A rejected one will never be taken: do not send it again."""

    object: Literal["usage.intake"] = "usage.intake"
    accepted: int
    rejected: list[RejectedRecord]


class UsageResult(BaseModel):
    object: Literal["usage.result"] = "usage.result"
    requests: int
    input_tokens: int
    output_tokens: int
    input_cached_tokens: int
    failed_requests: int
    estimated_requests: int
    model: str | None = None
    project_id: str | None = None
    key_id: str | None = None
    user_id: str | None = None
    endpoint: str | None = None


class UsageBucket(BaseModel):
    object: Literal["bucket"] = "bucket"
    start_time: int
    end_time: int
    results: list[UsageResult]


class UsagePage(BaseModel):
    """Every bucket of the span, also the empty ones. One page always: `has_more` is false."""

    object: Literal["page"] = "page"
    data: list[UsageBucket]
    has_more: bool = False
    next_page: str | None = None


def intake_answer(intake: Intake, *, sent: int) -> IntakeAnswer:
    return IntakeAnswer(
        accepted=sent - len(intake.rejected),
        rejected=[RejectedRecord(request_id=request_id, reason=reason) for request_id, reason in intake.rejected],
    )


def usage_page(query: UsageQuery, rows: Sequence[Row[Any]]) -> UsagePage:
    by_bucket: dict[datetime, list[UsageResult]] = {}
    for row in rows:
        by_bucket.setdefault(row.bucket, []).append(usage_result(row, query.group_by))
    buckets: list[UsageBucket] = []
    start = query.first_bucket
    while start < query.end:
        end = start + query.width.length
        buckets.append(
            UsageBucket(
                start_time=int(start.timestamp()), end_time=int(end.timestamp()), results=by_bucket.get(start, [])
            )
        )
        start = end
    return UsagePage(data=buckets)


PREFIXES = {GroupBy.PROJECT_ID: "proj", GroupBy.KEY_ID: "key", GroupBy.USER_ID: "user"}


def usage_result(row: Row[Any], group_by: tuple[GroupBy, ...]) -> UsageResult:
    groups = {group.value: group_value(group, getattr(row, group.value)) for group in group_by}
    result = UsageResult(
        requests=row.requests,
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        input_cached_tokens=row.input_cached_tokens,
        failed_requests=row.failed_requests,
        estimated_requests=row.estimated_requests,
    )
    return result.model_copy(update=groups)


def group_value(group: GroupBy, value: str | UUID | None) -> str | None:
    return public_id(PREFIXES[group], value) if isinstance(value, UUID) else value
