"""The targets of a route, tried in turn for one request until one gives a first byte."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from appliance.base.contracts.routes import Target
from appliance.base.errors import SetupError, Unavailable
from appliance.base.logs import get_logger
from appliance.gateway.faults import EngineBroken, EngineFailed, EngineUnreachable
from appliance.gateway.metering import Admitted, Meter
from appliance.gateway.replicas import Replica
from appliance.gateway.routing.external import Endpoint, Endpoints
from appliance.gateway.routing.gate import Gate, Ticket
from appliance.gateway.routing.plans import Plan
from appliance.gateway.routing.router import Router
from appliance.gateway.routing.translation import TRANSLATORS
from appliance.gateway.routing.upstream import ExternalUpstream, NotAnswered, ReplicaUpstream, Upstream
from appliance.gateway.snapshot_file import Directory

ATTEMPTS = 3

log = get_logger(__name__)

Ask = Callable[[Upstream], Awaitable[None]]


@dataclass(frozen=True)
class Ways:
    """What all requests share: `refresh_table` asks Redis again when every known replica has failed."""

    router: Router
    endpoints: Endpoints
    directory: Callable[[], Directory]
    refresh_table: Callable[[], Awaitable[None]]


class Attempts:
    """`ask` passes the answer on and returns when that is done. `once`: neither a wait for a place nor a retry."""

    def __init__(
        self, ways: Ways, *, request: Admitted, plan: Plan, meter: Meter, ask: Ask, once: bool = False
    ) -> None:
        self._ways = ways
        self._router = ways.router
        self._request = request
        self._plan = plan
        self._meter = meter
        self._ask = ask
        self._once = once
        self._left = False
        self._ticket: Ticket | None = None

    def break_off(self, reason: Exception) -> None:
        """The client has gone: nobody else is asked, and a wait for a place ends with `reason`."""
        self._left = True
        if self._ticket:
            self._ticket.break_off(reason)

    async def run(self) -> None:
        """Each in the plan's order until one answers; a second engine's work is taken from the retry budget."""
        route, left = self._plan.route, len(self._plan.targets)
        failure = NotAnswered(not_ready(), was_asked=False)
        for target in self._plan.targets:
            left -= 1
            try:
                await self._try_target(target, is_last=left == 0)
            except NotAnswered as refusal:
                failure = refusal
                if left and refusal.was_asked and not self._router.may_retry(route):
                    break
                self._meter.is_fallback = True
            else:
                self._router.counters.requests[route.name, target.target_id] += 1
                self._router.counters.fallbacks[route.name] += self._meter.is_fallback
                return
        raise failure.error from failure

    async def _try_target(self, target: Target, *, is_last: bool) -> None:
        if target.kind == "external":
            endpoint, gate = self._endpoint_of(target, is_last=is_last)
            async with self._place(gate, seconds=self._router.settings.queue_wait_seconds):
                await self._try_endpoint(target, endpoint)
            return
        served_model_id = target.served_model_id or ""
        seconds = await self._awake(served_model_id, is_last=is_last)
        async with self._place(self._router.gate(target), seconds=seconds):
            await self._try_replicas(target, served_model_id)

    async def _awake(self, served_model_id: str, *, is_last: bool) -> float:
        """How long a place is worth waiting for; raises NotAnswered where no replica is there nor will come for us."""
        router = self._router
        if router.capacity_of(served_model_id):
            return router.settings.queue_wait_seconds
        await self._ways.refresh_table()
        if router.capacity_of(served_model_id):
            return router.settings.queue_wait_seconds
        model = self._ways.directory().served.get(served_model_id)
        if model is None or not model.wakes:
            raise NotAnswered(not_ready(), was_asked=False)
        if not self._once:
            router.wake(served_model_id)
        if not is_last or self._once:
            raise NotAnswered(not_ready(), was_asked=False)
        return router.settings.wake_wait_seconds

    @asynccontextmanager
    async def _place(self, gate: Gate, *, seconds: float) -> AsyncGenerator[None]:
        """A place at the gate for as long as the block runs; raises NotAnswered where there is none in time."""
        try:
            ticket = self._ticket = gate.ask(
                prompt_tokens=self._request.parsed.prompt_tokens, key=self._request.key.key_id, may_wait=not self._once
            )
        except Unavailable as full:
            raise NotAnswered(full, was_asked=False) from full
        try:
            try:
                await gate.wait(ticket, seconds=seconds)
            except Unavailable as late:
                raise NotAnswered(late, was_asked=False) from late
            yield
        finally:
            gate.leave(ticket)

    def _endpoint_of(self, target: Target, *, is_last: bool) -> tuple[Endpoint, Gate]:
        """Raises NotAnswered where it is not there, not usable, or fails so often that others are asked first."""
        fact = self._ways.directory().endpoints.get(target.endpoint_id or "")
        if fact is None or (not is_last and self._router.is_ejected(fact.endpoint_id)):
            raise NotAnswered(not_ready(), was_asked=False)
        if fact.kind not in TRANSLATORS and fact.kind != "openai":
            raise NotAnswered(not_ready(), was_asked=False)
        try:
            endpoint = self._ways.endpoints.get(fact)
        except SetupError as error:
            log.error("endpoint_not_usable", endpoint=fact.name, problem=error.message, hint=error.hint)
            raise NotAnswered(not_ready(), was_asked=False) from error
        return endpoint, self._router.gate(target, external_capacity=fact.max_concurrent)

    async def _try_replicas(self, target: Target, served_model_id: str) -> None:
        """Up to three of them, after a look at Redis when all that were known have failed."""
        router, tried, failure = self._router, set[str](), None
        for attempt in range(1, ATTEMPTS + 1):
            replica = await self._next_replica(served_model_id, tried=tried, failure=failure)
            tried.add(replica.record.replica_id)
            limit = router.settings.connect_timeout_seconds
            upstream = ReplicaUpstream(replica, target, self._request.model.name, limit)
            try:
                await self._ask_or_pass(upstream)
            except NotAnswered as refusal:
                failure = refusal
                if refusal.is_fault:
                    router.replica_failed(replica, is_gone=refusal.is_gone)
                if attempt == ATTEMPTS or self._once:
                    raise
            except EngineBroken:
                if not self._left:
                    router.replica_failed(replica, is_gone=False)
                raise
            else:
                router.table.answered(replica)
                return

    async def _next_replica(self, served_model_id: str, *, tried: set[str], failure: NotAnswered | None) -> Replica:
        """Raises `failure`, the one before, where there is no other or no retry left."""
        router, route = self._router, self._plan.route
        try:
            replica = router.choose(route, self._request, served_model_id=served_model_id, tried=tried)
        except Unavailable as none:
            if failure is not None and failure.was_asked:
                raise failure from none
            await self._ways.refresh_table()
            try:
                replica = router.choose(route, self._request, served_model_id=served_model_id, tried=tried)
            except Unavailable as still_none:
                raise failure or NotAnswered(still_none, was_asked=False) from still_none
        if failure is not None and failure.was_asked and not router.may_retry(route):
            raise failure
        return replica

    async def _try_endpoint(self, target: Target, endpoint: Endpoint) -> None:
        """Once, and once more where an idle connection turned out to be closed by then."""
        name, endpoint_id, router = self._request.model.name, endpoint.fact.endpoint_id, self._router
        needs = endpoint.fact.kind in TRANSLATORS
        for anew in (False, True):
            translator = TRANSLATORS[endpoint.fact.kind]() if needs else None
            upstream = ExternalUpstream(endpoint, target, name, translator, anew)
            try:
                await self._ask_or_pass(upstream)
            except NotAnswered as refusal:
                if refusal.is_broken and upstream.was_reused:
                    continue
                if refusal.is_fault:
                    log.warning("endpoint_failed", endpoint=endpoint.fact.name, problem=str(refusal.reason))
                    router.endpoint_failed(endpoint_id, at_once=refusal.is_gone)
                raise
            except EngineBroken:
                if not self._left:
                    router.endpoint_failed(endpoint_id, at_once=False)
                raise
            router.endpoint_answered(endpoint_id)
            return

    async def _ask_or_pass(self, upstream: Upstream) -> None:
        """Raises NotAnswered for whatever went wrong before the first byte."""
        self._meter.start(upstream.asked)
        try:
            await self._ask(upstream)
        except EngineUnreachable as error:
            away = Unavailable(
                "The engines of this model do not answer.", hint="Try again soon.", retry_after_seconds=2.0
            )
            raise NotAnswered(away, was_asked=False, reason=error, is_gone=error.is_gone) from error
        except EngineBroken as broken:
            if self._left or self._meter.has_output or broken.silent:
                raise
            raise NotAnswered(EngineFailed(), was_asked=True, reason=broken, is_broken=True) from broken


def not_ready() -> Unavailable:
    return Unavailable("No replica of this model is ready.", hint="Try again soon.", retry_after_seconds=2.0)
