from datetime import UTC, datetime
from typing import Any

from appliance.base.contracts.replica_table import STALE_SECONDS, ReplicaRecord
from appliance.base.ids import new_uuid, public_id
from control_plane.reconcilers.replicas import parse_records, replica_rows
from control_plane.served_models.tables import ReplicaState

NOW = datetime(2026, 11, 22, tzinfo=UTC)
SERVED = new_uuid()


def record(*, age: float = 0.0, **changes: Any) -> ReplicaRecord:
    values: dict[str, Any] = {
        "replica_id": "rep-1", "served_model_id": public_id("srv", SERVED), "version_id": "ver-1", "node_id": "node-1",
        "endpoint": "unix:/x", "state": "ready", "engine_pid": 1, "replica_pid": 2, "started_at": 0.0,
        "published_at": NOW.timestamp() - age,
    }  # fmt: skip
    return ReplicaRecord(**{**values, **changes})


def test_a_silent_replica_is_lost() -> None:
    rows = replica_rows([record(age=STALE_SECONDS + 1)], known={SERVED}, now=NOW)
    assert rows[0]["state"] is ReplicaState.LOST
    assert replica_rows([record()], known={SERVED}, now=NOW)[0]["state"] is ReplicaState.READY


def test_replicas_of_nobody_are_passed_over() -> None:
    assert replica_rows([record(), record(served_model_id="nonsense")], known={new_uuid()}, now=NOW) == []


def test_records_that_cannot_be_read_are_passed_over() -> None:
    table = {"a": "nonsense", "b": record(format=99).model_dump_json(), "c": record().model_dump_json()}
    assert len(parse_records(table)) == 1
