"""Choosing a replica: least loaded, fresh before stale, and never none where one was seen and not found dead."""

from pathlib import Path

import pytest

from appliance.base.contracts.replica_table import STALE_SECONDS, ReplicaRecord, ReplicaState
from appliance.base.errors import Unavailable
from appliance.gateway.replicas import ReplicaTable, load_table, parse_records, save_table


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def record(name: str, *, at: float = 1000.0, state: ReplicaState = "ready", served: str = "srv") -> ReplicaRecord:
    return ReplicaRecord(
        replica_id=name, served_model_id=served, version_id="ver", node_id="node", endpoint=f"unix:/{name}",
        state=state, engine_pid=1, replica_pid=1, started_at=0.0, published_at=at,
    )  # fmt: skip


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def table(clock: Clock) -> ReplicaTable:
    return ReplicaTable(unix_time=clock, monotonic=clock)


def chosen(table: ReplicaTable, *without: str) -> str:
    return table.choose("srv", without=without).record.replica_id


def test_the_least_loaded_ready_replica_of_the_model(table: ReplicaTable) -> None:
    table.update([record("a"), record("b"), record("c", state="draining"), record("d", served="other")])
    table.choose("srv").in_flight += 1
    assert {chosen(table), chosen(table, "b")} == {"b", "a"}
    with pytest.raises(Unavailable):
        chosen(table, "a", "b")


def test_an_empty_table_means_unknown_not_none(table: ReplicaTable, clock: Clock) -> None:
    table.update([record("a")])
    table.update([])
    clock.now += 3600
    assert chosen(table) == "a"


def test_fresh_comes_before_stale_and_sound_before_failed(table: ReplicaTable, clock: Clock) -> None:
    clock.now += STALE_SECONDS + 1
    table.update([record("stale"), record("fresh", at=clock.now)])
    assert chosen(table) == "fresh"
    table.failed(table.choose("srv"), is_gone=True)
    assert chosen(table) == "stale"
    clock.now += 3
    assert chosen(table) == "fresh"


def test_only_a_stale_replica_that_is_gone_is_forgotten(table: ReplicaTable, clock: Clock) -> None:
    table.update([record("a")])
    table.failed(table.choose("srv"), is_gone=True)
    assert chosen(table) == "a"
    clock.now += STALE_SECONDS + 1
    table.failed(table.choose("srv"), is_gone=False)
    assert chosen(table) == "a"
    table.failed(table.choose("srv"), is_gone=True)
    table.update([record("a")])
    with pytest.raises(Unavailable):
        chosen(table)
    table.update([record("a", at=clock.now)])
    assert chosen(table) == "a"


def test_a_draining_replica_gets_nothing_more(table: ReplicaTable) -> None:
    table.update([record("a")])
    table.update([record("a", at=1001.0, state="draining")])
    with pytest.raises(Unavailable):
        chosen(table)


def test_damaged_and_newer_records_are_left_out() -> None:
    newer = record("b").model_copy(update={"format": 99})
    fields = {b"a": record("a").model_dump_json().encode(), b"b": newer.model_dump_json().encode(), b"c": b"{"}
    assert [each.replica_id for each in parse_records(fields)] == ["a"]


def test_the_table_survives_a_restart(tmp_path: Path) -> None:
    assert load_table(tmp_path) == []
    save_table(tmp_path, records=[record("a")])
    assert load_table(tmp_path) == [record("a")]
    (tmp_path / "replicas.json").write_text("{")
    assert load_table(tmp_path) == []


def test_overdue_replicas_are_named_for_a_look(table: ReplicaTable, clock: Clock) -> None:
    clock.now += STALE_SECONDS + 1
    table.update([record("a"), record("b", at=clock.now)])
    assert [replica.record.replica_id for replica in table.stale()] == ["a"]
