"""Take in usage records, and add them up."""

from datetime import datetime

from sqlalchemy.orm import Session

from appliance.base.contracts.usage_spool import UsageEnd, UsageStart
from control_plane.usage import partitions, repository
from control_plane.usage.domain import Intake, sort_records


def take_records(session: Session, records: list[UsageStart | UsageEnd]) -> Intake:
    """Insert starts, then settle ends; any of them may come twice. Rejected ones come back in the answer by name.

    A spool keeps a request's start before its end, so an end whose start is unknown has lost it for good.
    """
    intake = sort_records(records)
    repository.insert_starts(session, intake.starts)
    repository.settle(session, intake.ends)
    known = repository.known_requests(session, [row["request_id"] for row in intake.ends])
    for row in intake.ends:
        if row["request_id"] not in known:
            intake.rejected.append((row["request_id"], "its start was never recorded"))
    return intake


def ensure_partitions(session: Session, *, now: datetime) -> list[str]:
    """For the reconciler and the first run: the coming months' partitions. Returns what was made."""
    return partitions.ensure_partitions(session, now=now)
