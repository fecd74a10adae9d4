"""This gateway's load to Redis once a second, and back what the others say: how much of each model they have inside."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

import redis.asyncio as aioredis
from pydantic import ValidationError
from redis.exceptions import RedisError

from appliance.base.clock import monotonic, unix_time
from appliance.base.contracts.gateway_load import (
    LOAD_FORMAT,
    LOAD_KEY,
    PUBLISH_SECONDS,
    STALE_SECONDS,
    WAKE_CHANNEL,
    LoadReport,
    ModelLoad,
)
from appliance.base.logs import get_logger
from appliance.gateway.routing.router import Router

ANSWER_TIMEOUT_SECONDS = 1.0
FORGET_SECONDS = 60.0
MEAN_SECONDS = 10.0
WAKE_AGAIN_SECONDS = 1.0

log = get_logger(__name__)


@dataclass
class LoadFeed:
    """`wake` may be called at any time; it never waits for Redis. The report of the next second says the same again."""

    client: "aioredis.Redis"
    gateway_id: str
    _arrived: dict[str, int] = field(default_factory=dict[str, int])
    _rates: dict[str, float] = field(default_factory=dict[str, float])
    _woken: dict[str, float] = field(default_factory=dict[str, float])
    _sending: set["asyncio.Task[None]"] = field(default_factory=set["asyncio.Task[None]"])

    async def run(self, router: Router) -> None:
        while True:
            try:
                async with asyncio.timeout(ANSWER_TIMEOUT_SECONDS):
                    await self._exchange(router)
            except (RedisError, OSError, TimeoutError) as error:
                log.debug("load_not_published", problem=type(error).__name__)
                hear(router, [])
            await asyncio.sleep(PUBLISH_SECONDS)

    async def say_goodbye(self) -> None:
        """A gateway that ends has no load."""
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_SECONDS):
                await self.client.hdel(LOAD_KEY, self.gateway_id)  # pyright: ignore[reportGeneralTypeIssues]
        except (RedisError, OSError, TimeoutError) as error:
            log.debug("load_not_withdrawn", problem=type(error).__name__)

    def wake(self, served_model_id: str) -> None:
        """Say that somebody waits for a model without replicas; at most once a second for each."""
        now = monotonic()
        if now - self._woken.get(served_model_id, -WAKE_AGAIN_SECONDS) < WAKE_AGAIN_SECONDS:
            return
        self._woken[served_model_id] = now
        task = asyncio.get_running_loop().create_task(self._publish_wake(served_model_id))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _publish_wake(self, served_model_id: str) -> None:
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_SECONDS):
                await self.client.publish(WAKE_CHANNEL, served_model_id)  # pyright: ignore[reportUnknownMemberType]
        except (RedisError, OSError, TimeoutError) as error:
            log.warning("model_not_woken", served_model_id=served_model_id, problem=type(error).__name__)

    async def _exchange(self, router: Router) -> None:
        report = self.report(router, now=unix_time())
        await self.client.hset(  # pyright: ignore[reportGeneralTypeIssues]
            LOAD_KEY, self.gateway_id, report.model_dump_json(exclude_defaults=True)
        )
        fields = await self.client.hgetall(LOAD_KEY)  # pyright: ignore[reportGeneralTypeIssues]
        reports = parse_reports({bytes(name): bytes(value) for name, value in fields.items()})  # pyright: ignore[reportArgumentType]
        old = [each.gateway_id for each in reports if unix_time() - each.published_at > FORGET_SECONDS]
        if old:
            await self.client.hdel(LOAD_KEY, *old)  # pyright: ignore[reportGeneralTypeIssues]
        fresh = [each for each in reports if unix_time() - each.published_at <= STALE_SECONDS]
        hear(router, [each for each in fresh if each.gateway_id != self.gateway_id])

    def report(self, router: Router, *, now: float) -> LoadReport:
        models: dict[str, ModelLoad] = {}
        for name, gate in router.gates.items():
            fresh = gate.arrived - self._arrived.get(name, 0)
            self._arrived[name] = gate.arrived
            weight = PUBLISH_SECONDS / MEAN_SECONDS
            rate = self._rates.get(name, 0.0) * (1 - weight) + fresh / PUBLISH_SECONDS * weight
            self._rates[name] = rate = rate if rate >= 0.001 else 0.0
            if gate.running or gate.queued or rate:
                load = ModelLoad(in_flight=gate.running, queued=gate.queued, arrivals_per_second=round(rate, 3))
                models[name] = load
        return LoadReport(gateway_id=self.gateway_id, published_at=now, models=models)


def hear(router: Router, others: list[LoadReport]) -> None:
    """What the other gateways have inside, by model."""
    inside: dict[str, int] = {}
    for report in others:
        for name, load in report.models.items():
            inside[name] = inside.get(name, 0) + load.in_flight
    router.gateways, router.others_in_flight = len(others) + 1, inside


def parse_reports(fields: Mapping[bytes, bytes]) -> list[LoadReport]:
    """Those that can be read; a newer format belongs to a version that we do not know."""
    reports: list[LoadReport] = []
    for value in fields.values():
        try:
            report = LoadReport.model_validate_json(value)
        except ValidationError:
            continue
        if report.format <= LOAD_FORMAT:
            reports.append(report)
    return reports
