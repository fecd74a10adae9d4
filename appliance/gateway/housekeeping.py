"""What the gateway does beside requests, once a tick: cut the stalled, re-read the snapshot, sync the spool."""

import asyncio
from dataclasses import dataclass

from appliance.base.clock import monotonic
from appliance.base.contracts.replica_table import STALE_SECONDS
from appliance.base.logs import get_logger
from appliance.base.settings import GatewaySettings
from appliance.gateway.client_connection import ClientConnection
from appliance.gateway.relay import Relay
from appliance.gateway.snapshot_file import SnapshotFile
from appliance.gateway.usage_spool import UsageSpool

log = get_logger(__name__)


@dataclass(frozen=True)
class Housekeeping:
    settings: GatewaySettings
    relay: Relay
    snapshot: SnapshotFile
    spool: UsageSpool

    async def run(self) -> None:
        async with asyncio.TaskGroup() as loops:
            loops.create_task(self._sweep())
            loops.create_task(self._reload())
            loops.create_task(self._sync())
            loops.create_task(self._knock())

    async def _sweep(self) -> None:
        limits = (self.settings.client_write_timeout_seconds, self.settings.first_byte_timeout_seconds)
        pause = min(1.0, *(limit / 4 for limit in (*limits, self.settings.ping_seconds)))
        while True:
            await asyncio.sleep(pause)
            now = monotonic()
            for connection in list(ClientConnection.open_connections):
                if connection.cut_if_stalled(now, limit_seconds=limits[0]):
                    log.warning("stalled_client_cut")
            for engine in list(self.relay.engines):
                if engine.cut_if_silent(now, limit_seconds=limits[1]):
                    log.warning("silent_engine_cut")
            for exchange in list(self.relay.silent):
                exchange.ping_if_silent(now, after_seconds=self.settings.ping_seconds)

    async def _reload(self) -> None:
        while True:
            self.snapshot.refresh()
            await asyncio.sleep(self.settings.refresh_seconds)

    async def _sync(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            self.spool.retry()
            try:
                await asyncio.to_thread(self.spool.sync)
            except OSError as error:
                log.warning("usage_not_synced", problem=str(error))

    async def _knock(self) -> None:
        while True:
            await asyncio.sleep(STALE_SECONDS)
            await self.relay.forget_the_gone()
