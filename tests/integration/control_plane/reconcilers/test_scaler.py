"""The scaler on real PostgreSQL and Redis: load reports become wanted replicas, no report changes nothing."""

from typing import Any, cast

import pytest

from appliance.base import clock
from appliance.base.contracts.gateway_load import LOAD_KEY, LoadReport, ModelLoad
from appliance.base.ids import public_id
from control_plane.access.domain import SYSTEM
from control_plane.database.session import SessionFactory, transaction
from control_plane.reconcilers.scaler import ScalerReconciler
from control_plane.served_models import service
from control_plane.served_models.service import Autoscaling, NewServedModel
from control_plane.tenants.service import ensure_default_tenant
from control_plane.versions.tables import ModelVersion, VersionState
from tests.fixtures.redis import RedisServer


class ScalerBench:
    def __init__(self, factory: SessionFactory, redis: RedisServer) -> None:
        self.factory, self.redis = factory, redis
        self.nudged: list[str] = []
        self.scaler = ScalerReconciler(factory, redis.client(), self.nudged.append)

    def served(self, name: str, scaling: Autoscaling | None) -> str:
        with transaction(self.factory) as session:
            project, _ = ensure_default_tenant(session)
            version = ModelVersion(
                project_id=project.id, model_name=name, task="chat", state=VersionState.READY, source={},
                engine={"max_model_len": 512}, digest="ab" * 32, path="/nowhere",
            )  # fmt: skip
            session.add(version)
            session.flush()
            new = NewServedModel(name=name, version_id=public_id("ver", version.id))
            served = service.create(session, SYSTEM, new)
            service.autoscale(session, SYSTEM, name, scaling, managed_by=None)
            return public_id("srv", served.id)

    def say(self, gateway: str, models: dict[str, ModelLoad], *, age_seconds: float = 0.0) -> None:
        report = LoadReport(gateway_id=gateway, published_at=clock.unix_time() - age_seconds, models=models)
        cast("Any", self.redis.client()).hset(LOAD_KEY, gateway, report.model_dump_json())

    def wanted(self, name: str) -> int:
        self.scaler.run()
        with transaction(self.factory) as session:
            return service.find(session, name).desired_replicas


@pytest.fixture
def bench(session_factory: SessionFactory, redis_server: RedisServer) -> ScalerBench:
    redis_server.client().delete(LOAD_KEY)
    return ScalerBench(session_factory, redis_server)


def test_the_sum_of_all_gateways_counts_and_silence_changes_nothing(bench: ScalerBench) -> None:
    served = bench.served("m1", Autoscaling(min_replicas=1, max_replicas=4, target_per_replica=10))
    assert bench.wanted("m1") == 1
    bench.say("g1", {served: ModelLoad(in_flight=10, queued=5)})
    bench.say("g2", {served: ModelLoad(in_flight=10)})
    bench.say("gone", {served: ModelLoad(in_flight=500)}, age_seconds=60)
    assert bench.wanted("m1") == 3
    assert "serve" in bench.nudged
    bench.redis.client().delete(LOAD_KEY)
    assert bench.wanted("m1") == 3


def test_a_call_wakes_a_sleeping_model(bench: ScalerBench) -> None:
    served = bench.served("m2", Autoscaling(min_replicas=0, max_replicas=2, idle_seconds=1))
    with transaction(bench.factory) as session:
        service.find(session, "m2").desired_replicas = 0
    bench.say("g1", {})
    assert bench.wanted("m2") == 0
    bench.scaler.called[served] = clock.monotonic()
    assert bench.wanted("m2") == 1


def test_a_model_of_the_admins_own_number_is_left_alone(bench: ScalerBench) -> None:
    served = bench.served("m3", None)
    bench.say("g1", {served: ModelLoad(in_flight=500)})
    assert bench.wanted("m3") == 1
