"""`replicas`: the live table in Redis, written down as rows. Redis that is empty or away means unknown, not none."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

import redis
from pydantic import ValidationError

from appliance.base import clock
from appliance.base.contracts.replica_table import REPLICA_FORMAT, REPLICAS_KEY, STALE_SECONDS, ReplicaRecord
from appliance.base.ids import parse_public_id
from appliance.base.logs import get_logger
from control_plane.database.session import SessionFactory, transaction
from control_plane.served_models.repository import all_replicas, all_served, forget_replicas, put_replica
from control_plane.served_models.tables import ReplicaState

INTERVAL_SECONDS = 2.0
FORGET_SECONDS = 600.0
"""A record that nobody renews is taken out of Redis after this long."""

log = get_logger(__name__)


@dataclass(frozen=True)
class ReplicasReconciler:
    factory: SessionFactory
    client: redis.Redis
    interval_seconds: float = INTERVAL_SECONDS
    name: str = "replicas"

    def run(self) -> int:
        """The backlog is the number of replicas that are not ready."""
        table = cast(dict[str, str], self.client.hgetall(REPLICAS_KEY))
        now = clock.now()
        records = parse_records(table)
        abandoned = [record.replica_id for record in records if age_seconds(record, now=now) > FORGET_SECONDS]
        if abandoned:
            self.client.hdel(REPLICAS_KEY, *abandoned)
        with transaction(self.factory) as session:
            known = {served.id for served in all_served(session)}
            for values in replica_rows(records, known=known, now=now):
                put_replica(session, values)
            forget_replicas(session, last_seen_before=now - timedelta(seconds=STALE_SECONDS), but=set(table))
            return sum(1 for replica in all_replicas(session) if replica.state is not ReplicaState.READY)


def parse_records(table: Mapping[str, str]) -> list[ReplicaRecord]:
    """The records that we can read; a newer format belongs to a version that we do not know."""
    records: list[ReplicaRecord] = []
    for field, text in table.items():
        try:
            record = ReplicaRecord.model_validate_json(text)
        except ValidationError as error:
            log.warning("replica_record_was_not_understood", replica_id=field, errors=error.error_count())
            continue
        if record.format <= REPLICA_FORMAT:
            records.append(record)
    return records


def replica_rows(records: list[ReplicaRecord], *, known: set[UUID], now: datetime) -> list[dict[str, Any]]:
    """Rows of the replicas of served models that exist; one that has not spoken for `STALE_SECONDS` is lost."""
    rows: list[dict[str, Any]] = []
    for record in records:
        served_model_id = parse_public_id("srv", record.served_model_id)
        if served_model_id not in known:
            continue
        stale = age_seconds(record, now=now) > STALE_SECONDS
        rows.append(
            {
                "replica_id": record.replica_id,
                "served_model_id": served_model_id,
                "version_id": record.version_id,
                "node_id": record.node_id,
                "endpoint": record.endpoint,
                "state": ReplicaState.LOST if stale else ReplicaState(record.state),
                "engine_pid": record.engine_pid,
                "started_at": datetime.fromtimestamp(record.started_at, UTC),
                "last_seen_at": datetime.fromtimestamp(record.published_at, UTC),
            }
        )
    return rows


def age_seconds(record: ReplicaRecord, *, now: datetime) -> float:
    return now.timestamp() - record.published_at
