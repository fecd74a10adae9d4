"""Monthly partitions of the usage table, made ahead of time; what came too early waits in the default one."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise

from sqlalchemy.orm import Session

from control_plane.usage import repository
from control_plane.usage.tables import TABLE

MONTHS_AHEAD = 2


def ensure_partitions(session: Session, *, now: datetime) -> list[str]:
    """Make the partitions of this month and the next ones; returns the names of those that were missing."""
    made: list[str] = []
    months = list(month_starts(now, MONTHS_AHEAD + 2))
    for first, after in pairwise(months):
        name = partition_name(first)
        if not repository.has_partition(session, name):
            repository.make_partition(session, name, first, after)
            made.append(name)
    return made


def partition_name(first: datetime) -> str:
    return f"{TABLE}_y{first:%Y}m{first:%m}"


def month_starts(now: datetime, count: int) -> Iterator[datetime]:
    """The first moments of this month and those after it, in UTC."""
    for ahead in range(count):
        years, month = divmod(now.month - 1 + ahead, 12)
        yield datetime(now.year + years, month + 1, 1, tzinfo=UTC)
