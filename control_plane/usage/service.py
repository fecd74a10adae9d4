"""Take in usage records, and add them up."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from appliance.base.contracts.usage_spool import UsageEnd, UsageStart
from control_plane.keys.repository import note_uses
from control_plane.usage import partitions, repository
from control_plane.usage.domain import Intake, sort_records


def take_records(session: Session, records: list[UsageStart | UsageEnd]) -> Intake:
    """Insert starts, then settle ends; any of them may come twice. Rejected ones come back in the answer by name.

    A spool keeps a request's start before its end, so an end whose start is unknown has lost it for good.
    """
    intake = sort_records(records)
    repository.insert_starts(session, intake.starts)
    note_uses(session, last_starts(intake))
    repository.settle(session, intake.ends)
    known = repository.known_requests(session, [row["request_id"] for row in intake.ends])
    for row in intake.ends:
        if row["request_id"] not in known:
            intake.rejected.append((row["request_id"], "its start was never recorded"))
    return intake


def last_starts(intake: Intake) -> dict[UUID, datetime]:
    """By key: when it was last used in this batch."""
    found: dict[UUID, datetime] = {}
    for row in intake.starts:
        found[row["key_id"]] = max(row["started_at"], found.get(row["key_id"], row["started_at"]))
    return found


def ensure_partitions(session: Session, *, now: datetime) -> list[str]:
    """For the reconciler and the first run: the coming months' partitions. Returns what was made."""
    return partitions.ensure_partitions(session, now=now)
