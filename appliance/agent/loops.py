"""The agent's two loops. Each goes on whatever happens to the other, and waits longer the longer the control plane is
away.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from appliance.agent.control_plane_client import ControlPlaneClient
from appliance.agent.heartbeat import HEARTBEAT_PATH, compose, to_json
from appliance.agent.processor_use import ProcessorUse
from appliance.agent.shipper import EVENTS_PATH, UsageShipper
from appliance.agent.spool_reader import SpoolFolder
from appliance.base.box import Box
from appliance.base.clock import monotonic
from appliance.base.contracts.heartbeat import HEARTBEAT_SECONDS
from appliance.base.errors import Unavailable
from appliance.base.logs import get_logger
from appliance.base.settings import Settings
from appliance.hardware.discovery import take_stock
from appliance.hardware.watcher import Watcher

SHIP_SECONDS = 1.0
FIRST_BACKOFF_SECONDS = 0.5
MOST_BACKOFF_SECONDS = 30.0

log = get_logger(__name__)


@dataclass(frozen=True)
class Repeat:
    """Do `act` every `seconds` until stopped; after a failure soon again, and each time wait twice as long, up to a
    bound: agent and control plane start together, and a node that was not heard yet is given nothing to run.
    """

    name: str
    act: Callable[[], Awaitable[object]]
    seconds: float

    async def run(self, stop: asyncio.Event) -> None:
        failures = 0
        while not stop.is_set():
            try:
                await self.act()
                if failures:
                    log.info("agent_recovered", task=self.name, failures=failures)
                failures = 0
            except (Unavailable, OSError) as error:
                failures += 1
                if failures == 1:
                    log.warning("agent_task_failed", task=self.name, problem=str(error))
            pause = min(FIRST_BACKOFF_SECONDS * 2 ** (failures - 1), MOST_BACKOFF_SECONDS) if failures else self.seconds
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause)


class Agent:
    def __init__(self, settings: Settings, *, box: Box, token: str) -> None:
        self._settings = settings
        self._box = box
        self._client = ControlPlaneClient(settings, token=token)
        self._shipper = UsageShipper(SpoolFolder(settings.paths.spool), send=self._send_usage)
        self._shipped_at = monotonic()
        self._watcher = Watcher()
        self._processor_use = ProcessorUse()

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; then once more whatever the spool holds."""
        try:
            async with asyncio.TaskGroup() as loops:
                loops.create_task(Repeat("usage", self.ship, SHIP_SECONDS).run(stop))
                loops.create_task(Repeat("heartbeat", self.beat, HEARTBEAT_SECONDS).run(stop))
        finally:
            await asyncio.to_thread(self._watcher.close)
            await self._client.close()

    async def ship(self) -> None:
        await self._shipper.step()
        self._shipped_at = monotonic()

    async def beat(self) -> None:
        backlog = await asyncio.to_thread(self._shipper.backlog_bytes)
        inventory = await asyncio.to_thread(take_stock, self._watcher)
        beat = compose(
            inventory,
            node_id=self._box.node_id,
            settings=self._settings,
            spool_bytes=backlog,
            spool_oldest_seconds=monotonic() - self._shipped_at if backlog else 0.0,
            processor_utilization=self._processor_use.since_last(),
        )
        await self._client.post(HEARTBEAT_PATH, content=to_json(beat))

    async def _send_usage(self, batch: bytes) -> dict[str, object]:
        return await self._client.post(EVENTS_PATH, content=batch)
