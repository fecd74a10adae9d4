"""A model that is full: a bounded queue, a refusal with a time, and a model that sleeps until somebody comes."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self, cast

import pytest

from appliance.base.contracts.gateway_load import LOAD_KEY, WAKE_CHANNEL, LoadReport
from appliance.base.contracts.replica_table import REPLICAS_KEY, ReplicaRecord
from appliance.base.settings import Settings
from tests.fixtures.redis import RedisServer
from tests.fixtures.two_models import IDS, record, route, target, two_models_in
from tests.fixtures.waiting import wait_until


def test_beyond_queue_and_capacity_it_is_a_503_with_a_time(tmp_path_factory: pytest.TempPathFactory) -> None:
    with two_models_in(tmp_path_factory.mktemp("full"), APPLIANCE_GATEWAY__QUEUE_LENGTH="1") as two:
        two.replicas(record(two.a, of="a", capacity=2))
        two.lead(route((target("a"),)))
        two.a.default.hold_after = 0
        with ThreadPoolExecutor(4) as pool:
            held = [pool.submit(two.ask) for _ in range(3)]
            wait_until(lambda: len(two.a.seen) == 2, what="two are inside", seconds=10)
            refused = None

            def is_full() -> bool:
                nonlocal refused
                refused = two.ask() if not held[2].done() else None
                return refused is not None

            wait_until(is_full, what="a fourth is refused", seconds=10)
            assert refused is not None
            assert (refused.status_code, refused.json()["error"]["code"]) == (503, "overloaded")
            assert int(refused.headers["retry-after"]) >= 1
            assert len(two.a.seen) == 2
            two.box.kill()
            for future in held:
                future.exception(20)


def test_who_waits_gets_in_when_a_place_is_free_and_who_left_is_not_waited_for(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with two_models_in(tmp_path_factory.mktemp("queue")) as two:
        two.replicas(record(two.a, of="a", capacity=1))
        two.lead(route((target("a"),)))
        two.a.default.delay_seconds = 0.02
        with ThreadPoolExecutor(8) as pool:
            answers = [future.result(30) for future in [pool.submit(two.ask) for _ in range(16)]]
        assert {answer.status_code for answer in answers} == {200}
        wait_until(lambda: two.ask().status_code == 200, what="all places are given back", seconds=5)


def test_a_wait_that_takes_too_long_is_a_503(tmp_path_factory: pytest.TempPathFactory) -> None:
    with two_models_in(tmp_path_factory.mktemp("late"), APPLIANCE_GATEWAY__QUEUE_WAIT_SECONDS="0.3") as two:
        two.replicas(record(two.a, of="a", capacity=1))
        two.lead(route((target("a"),)))
        with ThreadPoolExecutor(1) as pool:
            held = pool.submit(two.ask, fake={"hold_after": 0})
            wait_until(lambda: len(two.a.seen) == 1, what="one is inside", seconds=10)
            late = two.ask()
            assert (late.status_code, late.json()["error"]["code"]) == (503, "overloaded")
            two.box.kill()
            held.exception(20)


def test_a_full_first_choice_falls_back(tmp_path_factory: pytest.TempPathFactory) -> None:
    with two_models_in(tmp_path_factory.mktemp("over"), APPLIANCE_GATEWAY__QUEUE_LENGTH="0") as two:
        two.replicas(record(two.a, of="a", capacity=1), record(two.b, of="b"))
        two.lead(route((target("a"),), (target("b"),)))
        with ThreadPoolExecutor(1) as pool:
            held = pool.submit(two.ask, fake={"hold_after": 0})
            wait_until(lambda: len(two.a.seen) == 1, what="one is inside", seconds=10)
            assert two.ask().status_code == 200
            assert len(two.b.seen) == 1
            two.box.kill()
            held.exception(20)


def test_a_sleeping_model_is_woken_and_waited_for(tmp_path_factory: pytest.TempPathFactory) -> None:
    with two_models_in(tmp_path_factory.mktemp("sleep")) as two:
        redis_server = RedisServer(Settings.model_validate({"home": two.box.home.root}))
        redis_server.start()
        try:
            two.replicas()
            two.lead(route((target("a"),)), sleeping=("a",))
            assert two.ask("b").status_code == 503
            with ThreadPoolExecutor(1) as pool, Calls(redis_server) as calls:
                waiting = pool.submit(two.ask)
                wait_until(calls.heard, what="it is called", seconds=10)
                wait_until(lambda: queued(redis_server) == 1, what="the wait is reported", seconds=10)
                assert not waiting.done()
                put_replica(redis_server, record(two.a, of="a"))
                assert waiting.result(20).status_code == 200
        finally:
            redis_server.kill()


class Calls:
    """Hears which models are called."""

    def __init__(self, server: RedisServer) -> None:
        self._channel = cast("Any", server.client()).pubsub(ignore_subscribe_messages=True)

    def __enter__(self) -> Self:
        self._channel.subscribe(WAKE_CHANNEL)
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()

    def heard(self) -> bool:
        message = self._channel.get_message(timeout=0.1)
        return message is not None and message["data"] == IDS["a"]


def queued(server: RedisServer) -> int:
    reports = [LoadReport.model_validate_json(text) for text in cast("Any", server.client()).hvals(LOAD_KEY)]
    return sum(report.models[IDS["a"]].queued for report in reports if IDS["a"] in report.models)


def put_replica(server: RedisServer, replica: ReplicaRecord) -> None:
    cast("Any", server.client()).hset(REPLICAS_KEY, replica.replica_id, replica.model_dump_json())
