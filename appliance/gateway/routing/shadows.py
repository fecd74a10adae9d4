"""Copies of requests for a target that is being tried out: nobody waits for them, and real requests go first.

A small pool of their own; no copy waits for a place, and where a queue forms the copies at that gate are ended.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from appliance.base.contracts.routes import Route
from appliance.base.errors import ApplianceError
from appliance.base.ids import new_request_id
from appliance.base.logs import get_logger
from appliance.gateway.metering import Admitted
from appliance.gateway.routing.plans import Plan
from appliance.gateway.routing.router import Router

log = get_logger(__name__)


class Shadows:
    """`send` carries a request through a plan of one target, and accounts for it as a shadow."""

    def __init__(self, send: Callable[[Admitted, Plan], Awaitable[None]], *, router: Router) -> None:
        self._send = send
        self._router = router
        self._running: dict[asyncio.Task[None], str] = {}

    def consider(self, route: Route, request: Admitted) -> None:
        """Copy this request if chance says so and there is room."""
        shadow, router = route.shadow, self._router
        if shadow is None or router.chance() * 100 >= shadow.percent:
            return
        if len(self._running) >= router.settings.shadow_requests:
            router.counters.shadows_dropped[route.name] += 1
            return
        router.counters.shadows[route.name] += 1
        copy = replace(request, request_id=new_request_id())
        plan = Plan(route, (shadow.target,))
        task = asyncio.get_running_loop().create_task(self._run(copy, plan))
        self._running[task] = shadow.target.served_model_id or shadow.target.endpoint_id or ""
        task.add_done_callback(self._forget)
        gate = router.gates.get(self._running[task])
        if gate is not None and gate.on_queue is None:
            gate.on_queue = self._make_room_at(self._running[task])

    async def close(self) -> None:
        tasks = list(self._running)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, copy: Admitted, plan: Plan) -> None:
        try:
            await self._send(copy, plan)
        except ApplianceError as error:
            log.info("shadow_failed", request_id=copy.request_id, code=error.error_code)
        except Exception:  # the loop's edge: nobody else looks at this task
            log.exception("shadow_failed", request_id=copy.request_id)

    def _make_room_at(self, name: str) -> Callable[[], None]:
        def end_all() -> None:
            for task, where in self._running.items():
                if where == name:
                    task.cancel()

        return end_all

    def _forget(self, task: "asyncio.Task[None]") -> None:
        self._running.pop(task, None)
