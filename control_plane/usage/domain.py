"""Spool records turned into rows, without a database."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from appliance.base.contracts.usage_spool import SPOOL_FORMAT, UsageEnd, UsageStart
from appliance.base.errors import BadRequest
from appliance.base.ids import parse_public_id
from control_plane.access.domain import EVERYWHERE, Reach
from control_plane.usage.tables import UsageState

MOST_BUCKETS = 1000


class BucketWidth(StrEnum):
    HOUR = "1h"
    DAY = "1d"

    @property
    def length(self) -> timedelta:
        return timedelta(hours=1) if self is BucketWidth.HOUR else timedelta(days=1)

    @property
    def unit(self) -> str:
        """As PostgreSQL's `date_trunc` names it."""
        return "hour" if self is BucketWidth.HOUR else "day"


class GroupBy(StrEnum):
    """By which columns a bucket may be split."""

    MODEL = "model"
    PROJECT_ID = "project_id"
    KEY_ID = "key_id"
    USER_ID = "user_id"
    ENDPOINT = "endpoint"


@dataclass(frozen=True, kw_only=True)
class UsageQuery:
    start: datetime
    end: datetime
    width: BucketWidth
    group_by: tuple[GroupBy, ...] = ()
    project_id: UUID | None = None
    reach: Reach = EVERYWHERE

    @property
    def first_bucket(self) -> datetime:
        """The start of the bucket that holds `start`, in UTC."""
        hour = self.start.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        return hour if self.width is BucketWidth.HOUR else hour.replace(hour=0)

    def check(self) -> None:
        """Raises BadRequest for a span that is empty or would make an answer without end."""
        if self.end <= self.start:
            raise BadRequest("`end_time` must lie after `start_time`.", param="end_time")
        if (self.end - self.start) / self.width.length > MOST_BUCKETS:
            raise BadRequest(
                f"That span has more than {MOST_BUCKETS} buckets of {self.width.value}.",
                hint="Ask for a shorter span, or for days.",
                param="start_time",
            )


@dataclass
class Intake:
    """One batch of records, sorted out."""

    starts: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    ends: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    rejected: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])


def sort_records(records: list[UsageStart | UsageEnd]) -> Intake:
    """Rows to insert and to settle; what cannot become one is named with the reason, so that the rest goes on."""
    intake = Intake()
    for record in records:
        if record.format > SPOOL_FORMAT:
            intake.rejected.append((record.request_id, f"format {record.format} is newer than {SPOOL_FORMAT}"))
        elif isinstance(record, UsageEnd):
            intake.ends.append(end_row(record))
        else:
            row = start_row(record)
            if row is None:
                intake.rejected.append((record.request_id, "an id in it is none of ours"))
            else:
                intake.starts.append(row)
    return intake


def start_row(record: UsageStart) -> dict[str, Any] | None:
    project_id, key_id = any_id("proj", record.project_id), any_id("key", record.key_id)
    if project_id is None or key_id is None:
        return None
    return {
        "project_id": project_id,
        "key_id": key_id,
        "served_model_id": record.served_model_id,
        "version_id": record.version_id,
        "user_id": any_id("user", record.user_id) if record.user_id else None,
        "request_id": record.request_id,
        "started_at": datetime.fromtimestamp(record.started_at, UTC),
        "model": record.model,
        "endpoint": record.endpoint,
        "state": UsageState.RUNNING,
        "prompt_tokens": record.reserved_prompt_tokens,
        "completion_tokens": record.reserved_completion_tokens,
        "cached_tokens": 0,
        "estimated": True,
        "route": record.route,
        "external_endpoint_id": record.external_endpoint_id,
        "shadow": record.shadow,
    }


def end_row(record: UsageEnd) -> dict[str, Any]:
    return {
        "request_id": record.request_id,
        "ended_at": datetime.fromtimestamp(record.ended_at, UTC),
        "state": UsageState(record.outcome),
        "status": record.status,
        "prompt_tokens": record.prompt_tokens,
        "completion_tokens": record.completion_tokens,
        "cached_tokens": record.cached_tokens,
        "estimated": record.estimated,
        "first_byte_seconds": record.first_byte_seconds,
        "fallback": record.fallback,
        "served_model_id": record.served_model_id,
        "version_id": record.version_id,
        "external_endpoint_id": record.external_endpoint_id,
        "moved": record.served_model_id is not None,
    }


def any_id(prefix: str, text: str) -> UUID | None:
    """A public id or a bare UUID."""
    key = parse_public_id(prefix, text)
    if key is not None:
        return key
    try:
        return UUID(text)
    except ValueError:
        return None
