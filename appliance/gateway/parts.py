"""What the gateway is made of, put together once from settings, and kept running."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from appliance.base.clock import monotonic, unix_time
from appliance.base.ids import new_uuid
from appliance.base.sealing import Sealer
from appliance.base.secret_files import Secret, read_secret
from appliance.base.settings import Settings
from appliance.gateway.door import BadKeys, Door
from appliance.gateway.housekeeping import Housekeeping
from appliance.gateway.redis_feed import RedisFeed, connect_redis
from appliance.gateway.relay import Relay
from appliance.gateway.replicas import ReplicaTable
from appliance.gateway.routing.attempts import Ways
from appliance.gateway.routing.external import Endpoints
from appliance.gateway.routing.load_feed import LoadFeed
from appliance.gateway.routing.router import Router
from appliance.gateway.snapshot_file import SnapshotFile
from appliance.gateway.usage_spool import UsageSpool
from appliance.gateway.wire.forward import ControlPlane, Forwarder
from appliance.gateway.wire.media import MediaPolicy, policy_of
from appliance.gateway.wire.response_store import ResponseStore
from appliance.gateway.wire.stored_responses import StoredResponses


@dataclass
class Parts:
    """`active` counts the requests that are being served."""

    settings: Settings
    snapshot: SnapshotFile
    table: ReplicaTable
    spool: UsageSpool
    feed: RedisFeed
    relay: Relay
    load: LoadFeed
    control_plane: ControlPlane
    forwarder: Forwarder
    responses: ResponseStore
    media: MediaPolicy
    door: Door
    active: int = 0


def build_parts(settings: Settings) -> Parts:
    """Opens the spool and reads the snapshot; raises SetupError where the home is not set up."""
    home = settings.paths
    snapshot = SnapshotFile(home.snapshot)
    snapshot.refresh()
    table = ReplicaTable(unix_time=unix_time, monotonic=monotonic)
    gateway_id = new_uuid().hex
    spool = UsageSpool(home.spool, gateway_id=gateway_id)
    client = connect_redis(
        socket=home.redis_socket, url=settings.redis.url, password=read_secret(home, Secret.REDIS_PASSWORD)
    )
    feed = RedisFeed(client, table=table, folder=home.snapshot, refresh_seconds=settings.gateway.refresh_seconds)
    feed.restore()
    load = LoadFeed(client, gateway_id=gateway_id)
    router = Router(table, settings=settings.gateway, monotonic=monotonic, wake=load.wake)
    table.on_change = router.replicas_changed
    endpoints = Endpoints(lambda: Sealer(read_secret(home, Secret.KEY_ENCRYPTION_KEY)))
    ways = Ways(router, endpoints=endpoints, directory=lambda: snapshot.directory, refresh_table=feed.refresh)
    control_plane = ControlPlane(settings, home=home)
    door = Door(
        bad_keys=BadKeys(per_minute=settings.gateway.bad_keys_per_minute),
        trusted=settings.http.proxies,
        unix_time=unix_time,
        monotonic=monotonic,
    )
    return Parts(
        settings=settings,
        snapshot=snapshot,
        table=table,
        spool=spool,
        feed=feed,
        relay=Relay(ways, spool=spool),
        load=load,
        control_plane=control_plane,
        forwarder=Forwarder(control_plane, snapshot=snapshot, max_body_bytes=settings.http.max_body_bytes),
        responses=StoredResponses(control_plane),
        media=policy_of(settings.gateway.media_hosts),
        door=door,
    )


@asynccontextmanager
async def running(parts: Parts) -> AsyncGenerator[None]:
    """The background loops, for as long as the server runs; at the end the spool is closed whole."""
    housekeeping = Housekeeping(
        settings=parts.settings.gateway, relay=parts.relay, snapshot=parts.snapshot, spool=parts.spool
    )
    loops = [
        asyncio.create_task(housekeeping.run()),
        asyncio.create_task(parts.feed.run(on_snapshot=parts.snapshot.refresh)),
        asyncio.create_task(parts.load.run(parts.relay.router)),
    ]
    try:
        yield
    finally:
        for loop in loops:
            loop.cancel()
        for loop in loops:
            with suppress(asyncio.CancelledError):
                await loop
        await parts.relay.shadows.close()
        await parts.load.say_goodbye()
        await parts.control_plane.close()
        parts.spool.close()
