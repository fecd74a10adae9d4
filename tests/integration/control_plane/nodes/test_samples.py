"""The history of cards' figures: added up by heartbeats, asked for in buckets, read by the key, forgotten in time."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select, text
from sqlalchemy.dialects import postgresql

from appliance.base import clock
from appliance.base.contracts.heartbeat import AcceleratorReport
from appliance.base.ids import new_uuid, parse_public_id, public_id
from control_plane.database.session import SessionFactory, transaction
from control_plane.nodes.repository import add_samples, bucketed_samples
from control_plane.nodes.samples import DAY, FIGURES, HOUR, MINUTE, SampleQuery, SampleWidth
from control_plane.nodes.tables import NodeSample
from control_plane.reconcilers.samples import SamplesReconciler
from tests.fixtures.heartbeats import CARD, beat

LONG_AGO = datetime(2026, 3, 1, tzinfo=UTC)


def busy(utilization: float | None, *, key: str = "GPU-1", watts: float | None = None) -> AcceleratorReport:
    return CARD.model_copy(update={"key": key, "utilization": utilization, "power_watts": watts})


def asked(client: TestClient, node_id: UUID, **query: Any) -> dict[str, Any]:
    answer = client.get(f"/api/v1/nodes/{public_id('node', node_id)}/samples", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_heartbeats_become_the_mean_and_maximum_of_their_time(node: TestClient, reader: TestClient) -> None:
    node_id = new_uuid()
    for report in (busy(0.2, watts=100.0), busy(0.4), busy(None), busy(0.9, watts=300.0)):
        node.post("/api/v1/nodes/heartbeat", json=beat(node_id, report))
    buckets = asked(reader, node_id, bucket_width="1d")["data"]
    [result] = [result for bucket in buckets for result in bucket["results"]]
    assert result["utilization"] == {"mean": pytest.approx(0.5), "maximum": 0.9}
    assert result["power_watts"] == {"mean": pytest.approx(200.0), "maximum": 300.0}
    assert result["temperature_celsius"] is None


def test_minutes_are_kept_beside_hours(node: TestClient, session_factory: SessionFactory) -> None:
    answer = node.post("/api/v1/nodes/heartbeat", json=beat(new_uuid(), busy(0.5))).json()
    key = parse_public_id("acc", answer["accelerators"][0]["id"])
    with transaction(session_factory) as session:
        rows = session.scalars(select(NodeSample).where(NodeSample.accelerator_id == key)).all()
        assert sorted(row.width_seconds for row in rows) == [60, 3600]
        assert {row.utilization_count for row in rows} == {1}


def test_every_bucket_of_the_span_is_there_and_a_span_has_a_bound(node: TestClient, reader: TestClient) -> None:
    node_id, end = new_uuid(), int(clock.now().timestamp()) // 3600 * 3600
    node.post("/api/v1/nodes/heartbeat", json=beat(node_id, CARD))
    page = asked(reader, node_id, start_time=end - 6 * 3600, end_time=end)
    assert [bucket["start_time"] for bucket in page["data"]] == list(range(end - 6 * 3600, end, 3600))
    assert all(bucket["results"] == [] for bucket in page["data"])
    path = f"/api/v1/nodes/{public_id('node', node_id)}/samples"
    month = {"start_time": end - 30 * 86400, "end_time": end}
    assert reader.get(path, params={**month, "bucket_width": "1m"}).status_code == 400
    assert len(asked(reader, node_id, **month)["data"]) == 720


def fill(session_factory: SessionFactory, accelerator_id: str, *, width: timedelta, count: int) -> None:
    """`count` samples of one card from `LONG_AGO` on, made in the database."""
    columns = ", ".join(f"{figure}_{part}" for figure in FIGURES for part in ("count", "sum", "max"))
    values = ", ".join("6, 3.0, 0.9" for _ in FIGURES)
    statement = (
        f"INSERT INTO node_samples (accelerator_id, width_seconds, start_time, {columns})"  # noqa: S608  names are our own constants
        f" SELECT :card, :width, :first + n * interval '{int(width.total_seconds())} seconds', {values}"
        " FROM generate_series(0, :last) AS n"
    )
    bounds = {
        "card": parse_public_id("acc", accelerator_id),
        "width": int(width.total_seconds()),
        "first": LONG_AGO,
        "last": count - 1,
    }
    with transaction(session_factory) as session:
        session.execute(text(statement), bounds)


def scanned(plan: dict[str, Any]) -> list[tuple[str, int]]:
    """Each node of the plan that touches samples: how, and how many rows it yielded or dropped."""
    rows = int((plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * plan["Actual Loops"])
    own = [(plan["Node Type"], rows)] if plan.get("Relation Name") == "node_samples" else []
    return own + [found for child in plan.get("Plans", []) for found in scanned(child)]


def test_a_month_of_eight_cards_is_read_from_its_hours_by_the_key(
    node: TestClient, reader: TestClient, session_factory: SessionFactory
) -> None:
    """Eight cards and the processor, with all the minutes that are kept, beside a second node just as full."""
    hours, minutes, cards = 30 * 24, 8 * 1440, 9
    node_ids = new_uuid(), new_uuid()
    for node_id in node_ids:
        reports = [busy(None, key=f"GPU-{n}") for n in range(cards)]
        for card in node.post("/api/v1/nodes/heartbeat", json=beat(node_id, *reports)).json()["accelerators"]:
            fill(session_factory, card["id"], width=HOUR, count=hours)
            fill(session_factory, card["id"], width=MINUTE, count=minutes)
    end = LONG_AGO + 30 * DAY
    query = SampleQuery(node_id=node_ids[0], start=LONG_AGO, end=end, width=SampleWidth.HOUR)
    with transaction(session_factory) as session:
        session.execute(text("ANALYZE node_samples"))
        compiled = bucketed_samples(query).compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})
        [plan] = session.execute(text(f"EXPLAIN (ANALYZE, FORMAT JSON) {compiled}".replace(":", r"\:"))).scalar_one()
    touched = scanned(plan["Plan"])
    assert touched
    assert all("Index" in kind or "Bitmap" in kind for kind, _ in touched), touched
    assert max(rows for _, rows in touched) <= hours * cards
    page = asked(reader, node_ids[0], start_time=int(LONG_AGO.timestamp()), end_time=int(end.timestamp()))
    assert len(page["data"]) == hours
    assert {len(bucket["results"]) for bucket in page["data"]} == {cards}
    assert page["data"][0]["results"][0]["utilization"] == {"mean": 0.5, "maximum": 0.9}


def test_old_minutes_go_before_old_hours(node: TestClient, session_factory: SessionFactory) -> None:
    answer = node.post("/api/v1/nodes/heartbeat", json=beat(new_uuid(), busy(0.5))).json()
    key = parse_public_id("acc", answer["accelerators"][0]["id"])
    now = clock.now()
    figures = {f"{figure}_{part}": 1 for figure in FIGURES for part in ("count", "sum", "max")}
    old = [(60, 7), (60, 9), (3600, 9), (3600, 399), (3600, 401)]
    with transaction(session_factory) as session:
        times = [(width, now - timedelta(days=days)) for width, days in old]
        add_samples(
            session, [{"accelerator_id": key, "width_seconds": w, "start_time": t, **figures} for w, t in times]
        )
    assert SamplesReconciler(factory=session_factory).run() == 0
    with transaction(session_factory) as session:
        left = session.execute(
            select(NodeSample.width_seconds, func.date_part("day", now - NodeSample.start_time).label("days"))
            .where(NodeSample.accelerator_id == key)
            .order_by(NodeSample.width_seconds, NodeSample.start_time)
        ).all()
    assert [(row.width_seconds, int(row.days)) for row in left if row.days >= 1] == [(60, 7), (3600, 399), (3600, 9)]
