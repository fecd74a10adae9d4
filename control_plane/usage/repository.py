"""Writes and queries on usage events."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Boolean, Row, Table, Text, bindparam, case, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from control_plane.access.filters import within
from control_plane.usage.domain import GroupBy, UsageQuery
from control_plane.usage.tables import DEFAULT_PARTITION, TABLE, UsageEvent, UsageState

EVENTS = cast(Table, UsageEvent.__table__)
GROUP_COLUMNS = {
    GroupBy.MODEL: UsageEvent.model,
    GroupBy.PROJECT_ID: UsageEvent.project_id,
    GroupBy.KEY_ID: UsageEvent.key_id,
    GroupBy.USER_ID: UsageEvent.user_id,
    GroupBy.ENDPOINT: UsageEvent.endpoint,
}
SETTLED_COLUMNS = (
    "ended_at",
    "state",
    "status",
    "prompt_tokens",
    "completion_tokens",
    "cached_tokens",
    "estimated",
    "first_byte_seconds",
    "fallback",
)
MOVED_COLUMNS = ("served_model_id", "version_id", "external_endpoint_id")
"""Written only where another answered than was asked first."""


def insert_starts(session: Session, rows: Sequence[dict[str, Any]]) -> int:
    """Insert those that are not there yet; returns how many that were."""
    if not rows:
        return 0
    statement = insert(UsageEvent).values(list(rows)).on_conflict_do_nothing().returning(UsageEvent.request_id)
    return len(session.execute(statement).all())


def settle(session: Session, ends: Sequence[dict[str, Any]]) -> None:
    """Write what requests really used. A real end replaces a guessed one; any other second end changes nothing."""
    if not ends:
        return
    guessed = (EVENTS.c.state == UsageState.BROKEN_OFF) & EVENTS.c.estimated
    moved = bindparam("end_moved", type_=Boolean)
    real = bindparam("end_estimated", type_=Boolean).is_(False)
    statement = (
        update(EVENTS)
        .where(EVENTS.c.request_id == bindparam("end_request_id"))
        .where(or_(EVENTS.c.state == UsageState.RUNNING, guessed & real))
        .values({name: bindparam(f"end_{name}") for name in SETTLED_COLUMNS})
        .values(
            {name: case((moved, bindparam(f"end_{name}", type_=Text)), else_=EVENTS.c[name]) for name in MOVED_COLUMNS}
        )
    )
    session.connection().execute(statement, [{f"end_{key}": value for key, value in row.items()} for row in ends])


def known_requests(session: Session, request_ids: Sequence[str]) -> set[str]:
    return set(session.scalars(select(UsageEvent.request_id).where(UsageEvent.request_id.in_(request_ids))))


def rolled_up(session: Session, query: UsageQuery) -> Sequence[Row[Any]]:
    """Per bucket and group: requests, tokens, failures; shadows, which no client asked for, are left out.

    Columns: `bucket`, the groups by their names, the sums.
    """
    bucket = func.date_trunc(query.width.unit, UsageEvent.started_at, "UTC").label("bucket")
    groups = [GROUP_COLUMNS[group].label(group.value) for group in query.group_by]
    statement = (
        select(
            bucket,
            *groups,
            func.count().label("requests"),
            func.coalesce(func.sum(UsageEvent.prompt_tokens), 0).label("input_tokens"),
            func.coalesce(func.sum(UsageEvent.completion_tokens), 0).label("output_tokens"),
            func.coalesce(func.sum(UsageEvent.cached_tokens), 0).label("input_cached_tokens"),
            func.count().filter(UsageEvent.state == UsageState.FAILED).label("failed_requests"),
            func.count().filter(UsageEvent.estimated).label("estimated_requests"),
        )
        .where(UsageEvent.started_at >= query.start, UsageEvent.started_at < query.end, ~UsageEvent.shadow)
        .where(within(UsageEvent.project_id, query.reach))
        .group_by(bucket, *groups)
        .order_by(bucket, *groups)
    )
    if query.project_id is not None:
        statement = statement.where(UsageEvent.project_id == query.project_id)
    return session.execute(statement).all()


def has_partition(session: Session, name: str) -> bool:
    return session.scalar(text("SELECT to_regclass(:name)"), {"name": name}) is not None


def make_partition(session: Session, name: str, first: datetime, after: datetime) -> None:
    """Rows of that month in the default partition move over: PostgreSQL refuses to attach otherwise."""
    bounds = {"first": first, "after": after}
    session.execute(text(f"CREATE TABLE {name} (LIKE {TABLE} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)"))
    session.execute(text(f"LOCK TABLE {DEFAULT_PARTITION} IN ACCESS EXCLUSIVE MODE"))
    session.execute(
        text(
            f"WITH moved AS (DELETE FROM {DEFAULT_PARTITION}"  # noqa: S608  names are our own constants
            f" WHERE started_at >= :first AND started_at < :after RETURNING *) INSERT INTO {name} SELECT * FROM moved"
        ),
        bounds,
    )
    session.execute(
        text(
            f"ALTER TABLE {TABLE} ATTACH PARTITION {name}"
            f" FOR VALUES FROM ('{first.isoformat()}') TO ('{after.isoformat()}')"
        )
    )
