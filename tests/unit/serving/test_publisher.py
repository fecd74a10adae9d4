"""A replica's record is published whatever Redis does."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from appliance.base.contracts.replica_table import REPLICAS_KEY, ReplicaRecord
from appliance.base.secret_files import Secret, ensure_secret
from appliance.base.settings import Settings
from appliance.serving import publisher
from appliance.serving.publisher import ReplicaPublisher

RECORD = ReplicaRecord(
    replica_id="rep-1",
    served_model_id="srv-1",
    version_id="ver-1",
    node_id="node-1",
    endpoint="unix:/e.sock",
    state="ready",
    engine_pid=1,
    replica_pid=2,
    started_at=0.0,
    published_at=0.0,
)


class FakeRedis:
    """A hash in memory; while `down` it cannot be reached."""

    def __init__(self) -> None:
        self.rows: dict[str, str] = {}
        self.down = False
        self.asked = threading.Event()

    def hset(self, key: str, field: str, value: str) -> None:
        self._ask(key)
        self.rows[field] = value

    def hdel(self, key: str, field: str) -> None:
        self._ask(key)
        self.rows.pop(field, None)

    def _ask(self, key: str) -> None:
        assert key == REPLICAS_KEY
        self.asked.set()
        if self.down:
            raise redis.ConnectionError


class Replica:
    def __init__(self) -> None:
        self.record: ReplicaRecord | None = RECORD

    def __call__(self) -> ReplicaRecord | None:
        return self.record


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeRedis:
    fake = FakeRedis()

    def connect(_: Settings) -> FakeRedis:
        return fake

    monkeypatch.setattr(publisher, "connect", connect)
    return fake


@pytest.fixture
def replica() -> Replica:
    return Replica()


@pytest.fixture
def publishing(tmp_path: Path, fake: FakeRedis, replica: Replica) -> Iterator[ReplicaPublisher]:
    settings = Settings.model_validate({"home": tmp_path})
    settings.paths.secrets.mkdir()
    ensure_secret(settings.paths, Secret.REDIS_PASSWORD)
    running = ReplicaPublisher(settings, record=replica)
    running.start()
    assert fake.asked.wait(10)
    yield running
    running.stop(record_id=RECORD.replica_id)


def turn(publishing: ReplicaPublisher, fake: FakeRedis) -> None:
    """One more turn of the publisher, begun after this call; two, because one may be under way."""
    for _ in range(2):
        fake.asked.clear()
        publishing.publish_soon()
        assert fake.asked.wait(10)


def test_the_record_comes_back_after_redis_was_down_and_empty(publishing: ReplicaPublisher, fake: FakeRedis) -> None:
    fake.down = True
    turn(publishing, fake)
    fake.rows.clear()
    fake.down = False
    turn(publishing, fake)
    assert ReplicaRecord.model_validate_json(fake.rows["rep-1"]) == RECORD


def test_a_dead_engine_is_taken_from_the_table(publishing: ReplicaPublisher, fake: FakeRedis, replica: Replica) -> None:
    replica.record = None
    turn(publishing, fake)
    assert fake.rows == {}


def test_stopping_takes_the_record_away_also_while_redis_is_down(publishing: ReplicaPublisher, fake: FakeRedis) -> None:
    publishing.stop(record_id=RECORD.replica_id)
    assert fake.rows == {}
    fake.down = True
    publishing.stop(record_id=RECORD.replica_id)
