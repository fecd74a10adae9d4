"""`scaler`: from what the gateways say of their load to `desired_replicas` of the models that scale by themselves.

The load comes from Redis; no report means unknown, and then nothing changes. The serve reconciler does the rest.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import redis
from pydantic import ValidationError

from appliance.base import clock
from appliance.base.contracts.gateway_load import LOAD_FORMAT, LOAD_KEY, STALE_SECONDS, WAKE_CHANNEL, LoadReport
from appliance.base.ids import public_id
from appliance.base.logs import get_logger
from control_plane.database.session import SessionFactory, nudge, transaction
from control_plane.reconcilers.scaling import Bounds, Demand, Memory, decide
from control_plane.served_models.repository import all_served, write_scale
from control_plane.served_models.service import SERVE, autoscaling_of
from control_plane.served_models.tables import DesiredState, ServedModel

INTERVAL_SECONDS = 2.0
CALL_HOLDS_SECONDS = 10.0
POLL_SECONDS = 1.0

log = get_logger(__name__)


@dataclass
class ScalerReconciler:
    """`called` is filled by the WakeListener: served models' public ids and when somebody called them last."""

    factory: SessionFactory
    client: redis.Redis
    publish: Callable[[str], None]
    called: dict[str, float] = field(default_factory=dict[str, float])
    interval_seconds: float = INTERVAL_SECONDS
    name: str = "scaler"
    memories: dict[str, Memory] = field(default_factory=dict[str, Memory])

    def run(self) -> int:
        """The backlog is the number of models whose replicas were changed."""
        reports = fresh_reports(cast(dict[str, str], self.client.hgetall(LOAD_KEY)), now=clock.unix_time())
        changed = 0
        with transaction(self.factory, publish=self.publish) as session:
            scaled = [each for each in all_served(session) if scales(each)]
            for served in scaled:
                wanted = self.wanted(served, reports)
                if wanted != served.desired_replicas:
                    log.info("model_was_scaled", model=served.name, before=served.desired_replicas, after=wanted)
                    write_scale(session, served.id, replicas=wanted)
                    changed += 1
            if changed:
                nudge(session, SERVE)
        known = {public_id("srv", served.id) for served in scaled}
        self.memories = {name: memory for name, memory in self.memories.items() if name in known}
        return changed

    def wanted(self, served: ServedModel, reports: list[LoadReport]) -> int:
        name, now, scaling = public_id("srv", served.id), clock.monotonic(), autoscaling_of(served)
        assert scaling is not None
        is_called = now - self.called.get(name, now - CALL_HOLDS_SECONDS) < CALL_HOLDS_SECONDS
        return decide(
            demand_of(name, reports, is_called=is_called),
            current=served.desired_replicas,
            bounds=Bounds(scaling.min_replicas, scaling.max_replicas, scaling.target_per_replica, scaling.idle_seconds),
            memory=self.memories.setdefault(name, Memory()),
            now=now,
        )


class WakeListener(threading.Thread):
    """Hears which sleeping model somebody waits for, and hurries the scaler. The next report says the same."""

    def __init__(
        self, client: redis.Redis, *, called: dict[str, float], hurry: Callable[[], None], stop: threading.Event
    ) -> None:
        super().__init__(name="wakes", daemon=True)
        self.client = client
        self.called = called
        self.hurry = hurry
        self.stop_event = stop

    def run(self) -> None:
        while not self.stop_event.is_set():
            try:
                self.listen()
            except redis.RedisError as error:
                log.debug("wakes_are_not_heard", reason=str(error))
                self.stop_event.wait(POLL_SECONDS)

    def listen(self) -> None:
        with cast(Any, self.client).pubsub(ignore_subscribe_messages=True) as subscription:
            subscription.subscribe(WAKE_CHANNEL)
            while not self.stop_event.is_set():
                message = subscription.get_message(timeout=POLL_SECONDS)
                if message is not None:
                    self.called[str(message["data"])] = clock.monotonic()
                    self.hurry()


def scales(served: ServedModel) -> bool:
    return served.max_replicas is not None and served.desired_state is DesiredState.SERVING


def fresh_reports(fields: Mapping[str, str], *, now: float) -> list[LoadReport]:
    reports: list[LoadReport] = []
    for gateway, text in fields.items():
        try:
            report = LoadReport.model_validate_json(text)
        except ValidationError:
            log.warning("load_report_was_not_understood", gateway=gateway)
            continue
        if report.format <= LOAD_FORMAT and now - report.published_at <= STALE_SECONDS:
            reports.append(report)
    return reports


def demand_of(name: str, reports: list[LoadReport], *, is_called: bool) -> Demand | None:
    """None where no gateway says anything, which is not the same as no load."""
    if not reports and not is_called:
        return None
    loads = [report.models[name] for report in reports if name in report.models]
    return Demand(
        requests=sum(load.in_flight + load.queued for load in loads),
        arrivals_per_second=sum(load.arrivals_per_second for load in loads),
        is_called=is_called,
    )
