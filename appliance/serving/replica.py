"""What runs inside a Serve replica: starts one engine, says where it listens, checks it, drains it, ends it.

Serve sees no traffic, so going down is explicit: say `draining`, let the gateways see it, wait for what runs, stop.
"""

import asyncio
import os
import time
from contextlib import suppress
from typing import Any

from appliance.base import clock
from appliance.base.contracts.replica_table import PUBLISH_SECONDS, ReplicaRecord, ReplicaState
from appliance.base.errors import Unavailable
from appliance.base.ids import new_uuid, public_id
from appliance.base.logs import configure, get_logger
from appliance.base.paths import Home
from appliance.base.settings import load_settings
from appliance.engines.pack import load_pack
from appliance.engines.probe import is_healthy, read_load
from appliance.serving.closed_port import keep_to_loopback
from appliance.serving.engine_process import start_engine
from appliance.serving.publisher import ReplicaPublisher
from appliance.serving.spec import ReplicaSpec
from appliance.serving.strays import end_strays

POLL_SECONDS = 0.1
LAST_LINES = 20

_log = get_logger("serving.replica")


class EngineReplica:
    """One engine process and its place in the replica table. Serve makes one per replica, with the spec as JSON."""

    def __init__(self, spec: dict[str, Any]) -> None:
        keep_to_loopback()
        self._spec = ReplicaSpec.model_validate(spec)
        self._settings = load_settings()
        configure(service="replica", level=self._settings.log_level)
        self._pack = load_pack(self._spec.engine_pack)
        self._id = public_id("rep", new_uuid())
        self._started_at = clock.unix_time()
        self._state: ReplicaState = "starting"
        end_strays(Home(self._spec.home))
        self._engine = start_engine(self._spec, pack=self._pack, settings=self._settings, replica_id=self._id)
        self._publisher = ReplicaPublisher(self._settings, record=self._record)
        self._publisher.start()
        try:
            self._wait_healthy()
        except BaseException:
            self._end()
            raise
        self._state = "ready"
        self._publisher.publish_soon()
        _log.info("engine_started", replica_id=self._id, seconds=round(clock.unix_time() - self._started_at, 1))

    async def check_health(self) -> None:
        """Serve replaces the replica after three failures in a row, `HEALTH_CHECK_SECONDS` apart."""
        if not self._engine.is_running():
            await asyncio.to_thread(self._engine.end)
            raise Unavailable(f"The engine of {self._spec.model_name} ended.", hint=self._last_words())
        if not await asyncio.to_thread(is_healthy, self._engine.socket, probe=self._pack.probe):
            raise Unavailable(f"The engine of {self._spec.model_name} does not answer its health check.")

    async def __del__(self) -> None:
        """Serve awaits this before it ends the replica, within `graceful_shutdown_timeout_s`."""
        await asyncio.to_thread(self._drain_and_end)

    def _wait_healthy(self) -> None:
        """Raises Unavailable with the end of the engine's log when it dies or is late."""
        deadline = clock.monotonic() + self._settings.engines.start_timeout_seconds
        while not is_healthy(self._engine.socket, probe=self._pack.probe, timeout_seconds=2.0):
            if not self._engine.is_running():
                raise Unavailable(f"The engine of {self._spec.model_name} ended at start.", hint=self._last_words())
            if clock.monotonic() > deadline:
                limit = self._settings.engines.start_timeout_seconds
                message = f"The engine of {self._spec.model_name} was not ready after {limit:.0f} s."
                raise Unavailable(message, hint=self._last_words())
            time.sleep(POLL_SECONDS)

    def _last_words(self) -> str:
        lines = self._engine.last_lines(LAST_LINES)
        return f"The end of {self._engine.log}:\n{lines}"

    def _record(self) -> ReplicaRecord | None:
        """What to publish now; None once the engine is gone, so that no gateway sends it anything more."""
        if not self._engine.is_running():
            return None
        return ReplicaRecord(
            replica_id=self._id,
            served_model_id=self._spec.served_model_id,
            version_id=self._spec.version_id,
            node_id=self._spec.node_id,
            endpoint=f"unix:{self._engine.socket}",
            state=self._state,
            engine_pid=self._engine.pid,
            replica_pid=os.getpid(),
            started_at=self._started_at,
            published_at=clock.unix_time(),
            capacity=self._pack.launch.requests_at_once,
        )

    def _drain_and_end(self) -> None:
        if self._engine.is_running() and self._state == "ready":
            self._state = "draining"
            self._publisher.publish_soon()
            self._wait_drained()
        self._end()

    def _wait_drained(self) -> None:
        """Until nothing runs or waits, at least until every gateway has seen `draining`, at most `drain_seconds`."""
        start = clock.monotonic()
        seen_by_gateways = start + PUBLISH_SECONDS + self._settings.gateway.refresh_seconds
        deadline = max(seen_by_gateways, start + self._settings.engines.drain_seconds)
        while clock.monotonic() < deadline:
            load = read_load(self._engine.socket, probe=self._pack.probe)
            if load is None or (load.running + load.waiting == 0 and clock.monotonic() > seen_by_gateways):
                return
            time.sleep(POLL_SECONDS)

    def _end(self) -> None:
        self._publisher.stop(record_id=self._id)
        self._engine.end()
        with suppress(FileNotFoundError):
            self._engine.socket.unlink()
