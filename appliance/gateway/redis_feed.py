"""What the gateway hears from Redis: the replica table, every refresh, and the call to read the snapshot again.

Redis is a convenience here: without it the last table and the snapshot on disk hold.
"""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

import redis.asyncio as aioredis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from appliance.base.contracts.replica_table import REPLICAS_KEY, ReplicaRecord
from appliance.base.contracts.snapshot import SNAPSHOT_CHANNEL
from appliance.base.logs import get_logger
from appliance.gateway.replicas import ReplicaTable, load_table, parse_records, save_table

CONNECT_TIMEOUT_SECONDS = 1.0
ANSWER_TIMEOUT_SECONDS = 1.0

log = get_logger(__name__)


class RedisFeed:
    """Runs two loops until cancelled; `reachable` says how the last question to Redis went."""

    def __init__(self, client: "aioredis.Redis", *, table: ReplicaTable, folder: Path, refresh_seconds: float) -> None:
        self.reachable: bool | None = None
        self._client = client
        self._table = table
        self._folder = folder
        self._refresh_seconds = refresh_seconds
        self._saved: set[tuple[str, str, str]] | None = None

    def restore(self) -> None:
        """Start from the table of the last run."""
        self._table.update(load_table(self._folder))

    async def run(self, *, on_snapshot: Callable[[], object]) -> None:
        async with asyncio.TaskGroup() as loops:
            loops.create_task(self._poll())
            loops.create_task(self._listen(on_snapshot))

    async def refresh(self) -> None:
        """Ask Redis for the table once; keeps what is known where Redis does not answer."""
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_SECONDS):
                fields = await self._client.hgetall(REPLICAS_KEY)  # pyright: ignore[reportGeneralTypeIssues]
        except (RedisError, OSError, TimeoutError) as error:
            self._note(reachable=False, problem=type(error).__name__)
            return
        self._note(reachable=True, problem=None)
        self._table.update(parse_records(as_bytes(fields)))
        self._save()

    async def _poll(self) -> None:
        while True:
            await self.refresh()
            await asyncio.sleep(self._refresh_seconds)

    async def _listen(self, on_snapshot: Callable[[], object]) -> None:
        while True:
            try:
                async with self._client.pubsub() as channel:  # pyright: ignore[reportUnknownMemberType]
                    await channel.subscribe(SNAPSHOT_CHANNEL)
                    on_snapshot()
                    while True:
                        await channel.get_message(timeout=None)
                        on_snapshot()
            except (RedisError, OSError) as error:
                log.debug("snapshot_channel_lost", problem=type(error).__name__)
            await asyncio.sleep(self._refresh_seconds)

    def _save(self) -> None:
        """Only when the set of replicas, their addresses or their states changed, not for each sign of life."""
        records = self._table.records
        now = {identity(record) for record in records}
        if now == self._saved or (not now and self._saved is None):
            return
        try:
            save_table(self._folder, records=records)
        except OSError as error:
            log.warning("replica_file_not_written", problem=str(error))
            return
        self._saved = now

    def _note(self, *, reachable: bool, problem: str | None) -> None:
        if reachable != self.reachable:
            log.info("redis_answered") if reachable else log.warning("redis_silent", problem=problem)
        self.reachable = reachable


def as_bytes(fields: Mapping[bytes | str, bytes | str]) -> dict[bytes, bytes]:
    """redis-py types both, as its answers depend on how a client was made; ours gives bytes."""
    return {name: value for name, value in fields.items() if isinstance(name, bytes) and isinstance(value, bytes)}


def identity(record: ReplicaRecord) -> tuple[str, str, str]:
    return record.replica_id, record.endpoint, record.state


def connect_redis(*, socket: Path, url: str | None, password: str | None) -> "aioredis.Redis":
    """A client for the appliance's own Redis on its socket, or for the one that a cluster gives by URL."""
    retry = Retry(NoBackoff(), 0)  # the loops ask again by themselves; a request must not wait
    if url is not None:
        return aioredis.Redis.from_url(  # pyright: ignore[reportUnknownMemberType]
            url, password=password, socket_connect_timeout=CONNECT_TIMEOUT_SECONDS, retry=retry
        )
    return aioredis.Redis(
        unix_socket_path=str(socket), password=password, socket_connect_timeout=CONNECT_TIMEOUT_SECONDS, retry=retry
    )
