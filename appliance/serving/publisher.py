"""Keeps one replica's record in the replica table, whatever happens to Redis meanwhile."""

import threading
from collections.abc import Callable
from contextlib import suppress

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from appliance.base.contracts.replica_table import PUBLISH_SECONDS, REPLICAS_KEY, ReplicaRecord
from appliance.base.logs import get_logger
from appliance.base.secret_files import Secret, read_secret
from appliance.base.settings import Settings

_log = get_logger("serving.publisher")


class ReplicaPublisher:
    """A thread that writes `record()` every `PUBLISH_SECONDS`; it outlives Redis being down, restarted or emptied."""

    def __init__(self, settings: Settings, *, record: Callable[[], ReplicaRecord | None]) -> None:
        self._redis = connect(settings)
        self._record = record
        self._wake = threading.Event()
        self._stopped = False
        self._published: str | None = None
        self._reached = True
        self._thread = threading.Thread(target=self._run, name="replica-publisher", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def publish_soon(self) -> None:
        """Publish now instead of at the next turn."""
        self._wake.set()

    def stop(self, *, record_id: str) -> None:
        """Stop publishing and take the record away; a record that Redis keeps goes stale by itself."""
        self._stopped = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()
        with suppress(redis.RedisError):
            self._redis.hdel(REPLICAS_KEY, record_id)

    def _run(self) -> None:
        while not self._stopped:
            self._wake.clear()
            self._publish()
            self._wake.wait(PUBLISH_SECONDS)

    def _publish(self) -> None:
        record = self._record()
        try:
            if record is not None:
                self._redis.hset(REPLICAS_KEY, record.replica_id, record.model_dump_json())
                self._published = record.replica_id
            elif self._published is not None:
                self._redis.hdel(REPLICAS_KEY, self._published)
        except redis.RedisError as error:
            self._say(reached=False, error=str(error))
        else:
            self._say(reached=True)

    def _say(self, *, reached: bool, error: str | None = None) -> None:
        """Log the change, not every turn."""
        if reached != self._reached:
            self._reached = reached
            _log.warning("redis_reached_again" if reached else "redis_not_reached", error=error)


def connect(settings: Settings) -> "redis.Redis":
    """Connects lazily, so a Redis that is down at start is no error here."""
    password = read_secret(settings.paths, Secret.REDIS_PASSWORD)
    retry = Retry(NoBackoff(), 0)  # the next turn comes by itself
    if settings.redis.url is not None:
        return redis.Redis.from_url(  # pyright: ignore[reportUnknownMemberType]
            settings.redis.url, password=password, socket_timeout=PUBLISH_SECONDS, retry=retry
        )
    socket = str(settings.paths.redis_socket)
    return redis.Redis(unix_socket_path=socket, password=password, socket_timeout=PUBLISH_SECONDS, retry=retry)
