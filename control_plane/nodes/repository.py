"""Queries on nodes and on the history of their cards."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, selectinload

from control_plane.database.paging import Page, PageQuery, read_page
from control_plane.nodes.samples import FIGURES, KEPT, SampleQuery
from control_plane.nodes.tables import Accelerator, Node, NodeSample

WITH_ACCELERATORS = selectinload(Node.accelerators)
SAMPLE_KEY = ("accelerator_id", "width_seconds", "start_time")


def node_by_id(session: Session, node_id: UUID) -> Node | None:
    return session.get(Node, node_id, options=[WITH_ACCELERATORS])


def all_nodes(session: Session) -> Sequence[Node]:
    return session.scalars(select(Node).options(WITH_ACCELERATORS).order_by(Node.id)).all()


def node_ids(session: Session) -> Sequence[UUID]:
    return session.scalars(select(Node.id).order_by(Node.id)).all()


def nodes_page(session: Session, query: PageQuery) -> Page[Node]:
    return read_page(session, select(Node).options(WITH_ACCELERATORS), Node.id, query)


def add_samples(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Add to the minutes and hours that are there. GREATEST passes over nulls (PostgreSQL, Conditional Expressions)."""
    if not rows:
        return
    statement = insert(NodeSample).values(list(rows))
    new, old = statement.excluded, NodeSample.__table__.c
    sums = {
        f"{figure}_{part}": old[f"{figure}_{part}"] + new[f"{figure}_{part}"]
        for figure in FIGURES
        for part in ("count", "sum")
    }
    highest = {f"{figure}_max": func.greatest(old[f"{figure}_max"], new[f"{figure}_max"]) for figure in FIGURES}
    session.execute(statement.on_conflict_do_update(index_elements=SAMPLE_KEY, set_={**sums, **highest}))


def bucketed_samples(query: SampleQuery) -> Select[*tuple[Any, ...]]:
    """Per bucket and accelerator: columns `bucket`, `accelerator_id`, and of every figure `_mean` and `_max`.

    Bounded: rows of one width (minutes only for buckets of a minute), of one node's cards, found by the primary key.
    """
    column = NodeSample.__table__.c
    bucket = func.date_trunc(query.width.unit, NodeSample.start_time, "UTC").label("bucket")
    means = (
        (func.sum(column[f"{figure}_sum"]) / func.nullif(func.sum(column[f"{figure}_count"]), 0)).label(
            f"{figure}_mean"
        )
        for figure in FIGURES
    )
    highest = (func.max(column[f"{figure}_max"]).label(f"{figure}_max") for figure in FIGURES)
    return (
        select(bucket, NodeSample.accelerator_id, *means, *highest)
        .join(Accelerator, Accelerator.id == NodeSample.accelerator_id)
        .where(Accelerator.node_id == query.node_id)
        .where(NodeSample.width_seconds == int(query.width.source.total_seconds()))
        .where(NodeSample.start_time >= query.first_bucket, NodeSample.start_time < query.end)
        .group_by(bucket, NodeSample.accelerator_id)
        .order_by(bucket, NodeSample.accelerator_id)
    )


def samples(session: Session, query: SampleQuery) -> Sequence[Row[Any]]:
    return session.execute(bucketed_samples(query)).all()


def forget_samples(session: Session, node_id: UUID, *, now: datetime) -> None:
    """Of one node, what is older than `KEPT` says."""
    cards = select(Accelerator.id).where(Accelerator.node_id == node_id)
    for width, age in KEPT.items():
        session.execute(
            delete(NodeSample)
            .where(NodeSample.accelerator_id.in_(cards))
            .where(NodeSample.width_seconds == int(width.total_seconds()), NodeSample.start_time < now - age)
            .execution_options(synchronize_session=False)
        )
