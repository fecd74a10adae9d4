"""Usage records: counted once however often and in whatever pieces they come, and added up by hour and day."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from appliance.base.contracts.usage_spool import UsageEnd, UsageStart
from appliance.base.ids import new_request_id, new_uuid, public_id
from control_plane.database.session import SessionFactory, transaction
from control_plane.usage.partitions import ensure_partitions
from control_plane.usage.tables import UsageEvent, UsageState

PROJECT = public_id("proj", new_uuid())
KEY = public_id("key", new_uuid())
NOON = datetime(2026, 3, 5, 12, 10, tzinfo=UTC)


def start(request_id: str, *, at: datetime = NOON, model: str = "sails-guide") -> dict[str, Any]:
    return UsageStart(
        request_id=request_id,
        key_id=KEY,
        project_id=PROJECT,
        served_model_id=public_id("srv", new_uuid()),
        version_id="",
        model=model,
        endpoint="/v1/chat/completions",
        started_at=at.timestamp(),
        reserved_prompt_tokens=50,
        reserved_completion_tokens=100,
    ).model_dump()


def end(request_id: str, *, tokens: int = 7, estimated: bool = False, outcome: str = "completed") -> dict[str, Any]:
    return UsageEnd.model_validate(
        {
            "request_id": request_id,
            "ended_at": NOON.timestamp() + 1,
            "status": 200,
            "outcome": outcome,
            "prompt_tokens": 5,
            "completion_tokens": tokens,
            "estimated": estimated,
        }
    ).model_dump()


def send(node: TestClient, *records: dict[str, Any]) -> dict[str, Any]:
    answer = node.post("/api/v1/usage/events", json={"records": list(records)})
    assert answer.status_code == 200, answer.text
    return answer.json()


def event(session: Session, request_id: str) -> UsageEvent:
    return session.scalars(select(UsageEvent).where(UsageEvent.request_id == request_id)).one()


def test_a_request_sent_twice_is_counted_once(node: TestClient, session_factory: SessionFactory) -> None:
    request_id = new_request_id()
    batch = [start(request_id), end(request_id)]
    assert send(node, *batch) == send(node, *batch) == {"object": "usage.intake", "accepted": 2, "rejected": []}
    with transaction(session_factory) as session:
        row = event(session, request_id)
        assert (row.state, row.prompt_tokens, row.completion_tokens) == (UsageState.COMPLETED, 5, 7)
        assert not row.estimated


def test_an_end_may_come_in_a_later_batch_and_only_the_first_counts(
    node: TestClient, session_factory: SessionFactory
) -> None:
    request_id = new_request_id()
    send(node, start(request_id))
    with transaction(session_factory) as session:
        running = event(session, request_id)
        assert (running.state, running.completion_tokens, running.estimated) == (UsageState.RUNNING, 100, True)
    send(node, end(request_id, tokens=7))
    send(node, start(request_id), end(request_id, tokens=900))
    with transaction(session_factory) as session:
        assert event(session, request_id).completion_tokens == 7


def test_a_real_end_replaces_a_guessed_one_and_not_the_other_way(
    node: TestClient, session_factory: SessionFactory
) -> None:
    request_id = new_request_id()
    send(node, start(request_id), end(request_id, tokens=100, estimated=True, outcome="broken_off"))
    send(node, end(request_id, tokens=3))
    send(node, end(request_id, tokens=100, estimated=True, outcome="broken_off"))
    with transaction(session_factory) as session:
        row = event(session, request_id)
        assert (row.state, row.completion_tokens) == (UsageState.COMPLETED, 3)


def test_a_bad_record_is_named_and_the_others_are_kept(node: TestClient, session_factory: SessionFactory) -> None:
    good, orphan, foreign, newer = (new_request_id() for _ in range(4))
    answer = send(
        node,
        start(good),
        end(orphan),
        {**start(foreign), "project_id": "who knows"},
        {**start(newer), "format": 99},
    )
    assert answer["accepted"] == 1
    assert {rejected["request_id"] for rejected in answer["rejected"]} == {orphan, foreign, newer}
    with transaction(session_factory) as session:
        assert event(session, good).state is UsageState.RUNNING


def test_buckets_add_up_by_model(node: TestClient, admin: TestClient) -> None:
    day = datetime(2025, 7, 1, tzinfo=UTC)
    for hours, model in ((1, "a"), (1, "a"), (1, "b"), (3, "a")):
        request_id = new_request_id()
        send(node, start(request_id, at=day + timedelta(hours=hours, minutes=59), model=model), end(request_id))
    page = admin.get(
        "/api/v1/usage",
        params={
            "start_time": int(day.timestamp()),
            "end_time": int((day + timedelta(hours=4)).timestamp()),
            "bucket_width": "1h",
            "group_by": ["model", "project_id"],
        },
    ).json()
    assert [len(bucket["results"]) for bucket in page["data"]] == [0, 2, 0, 1]
    first, second = page["data"][1]["results"]
    assert (first["model"], first["requests"], first["input_tokens"], first["output_tokens"]) == ("a", 2, 10, 14)
    assert (second["model"], second["requests"], second["project_id"]) == ("b", 1, PROJECT)
    whole = admin.get(
        "/api/v1/usage", params={"start_time": int(day.timestamp()), "end_time": int(day.timestamp()) + 1}
    )
    assert whole.json()["data"][0]["results"] == []


@pytest.mark.parametrize(
    "params",
    [
        {"start_time": 10, "end_time": 5},
        {"start_time": 0, "end_time": 1_700_000_000, "bucket_width": "1h"},
        {"bucket_width": "1y"},
        {"group_by": "password"},
        {"start_time": "yesterday"},
        {"project_id": "x"},
    ],
)
def test_bad_questions_are_400(admin: TestClient, params: dict[str, Any]) -> None:
    assert admin.get("/api/v1/usage", params=params).status_code == 400


def test_rows_that_came_before_their_partition_move_into_it(node: TestClient, session_factory: SessionFactory) -> None:
    future = datetime(2031, 12, 31, 23, 59, tzinfo=UTC)
    request_id = new_request_id()
    send(node, start(request_id, at=future), end(request_id))
    in_default = text("SELECT count(*) FROM usage_events_default WHERE request_id = :id")
    in_month = text("SELECT count(*) FROM usage_events_y2031m12 WHERE request_id = :id")
    with transaction(session_factory) as session:
        assert session.scalar(in_default, {"id": request_id}) == 1
    with transaction(session_factory) as session:
        made = ensure_partitions(session, now=future)
        assert made == ["usage_events_y2031m12", "usage_events_y2032m01", "usage_events_y2032m02"]
    with transaction(session_factory) as session:
        assert ensure_partitions(session, now=future) == []
        assert session.scalar(in_default, {"id": request_id}) == 0
        assert session.scalar(in_month, {"id": request_id}) == 1
        assert session.scalar(select(func.count()).where(UsageEvent.request_id == request_id)) == 1


def test_a_batch_has_a_limit(node: TestClient) -> None:
    record = start(f"req-{uuid4().hex}")
    assert node.post("/api/v1/usage/events", json={"records": [record] * 1001}).status_code == 400


def test_who_answered_in_the_end_is_written_down(node: TestClient, session_factory: SessionFactory) -> None:
    request_id = new_request_id()
    elsewhere = {"served_model_id": "", "version_id": "", "external_endpoint_id": "end-1", "fallback": True}
    assert send(node, {**start(request_id), "route": "rte-1"}, {**end(request_id), **elsewhere})["rejected"] == []
    with transaction(session_factory) as session:
        row = event(session, request_id)
        assert (row.route, row.served_model_id, row.external_endpoint_id, row.fallback) == ("rte-1", "", "end-1", True)


def test_a_shadow_is_kept_and_not_added_up(
    node: TestClient, admin: TestClient, session_factory: SessionFactory
) -> None:
    request_id = new_request_id()
    send(node, {**start(request_id, model="shadowed"), "shadow": True}, end(request_id))
    with transaction(session_factory) as session:
        assert event(session, request_id).shadow
    span = {"start_time": int(NOON.timestamp()) - 3600, "end_time": int(NOON.timestamp()) + 3600, "group_by": "model"}
    assert "shadowed" not in admin.get("/api/v1/usage", params=span).text
