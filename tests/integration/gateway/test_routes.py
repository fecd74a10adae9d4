"""A route in front of two models: weights, fallback, stickiness, shadow, and a switch under 32 streaming clients."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.fixtures.gateway import KEY, MESSAGES
from tests.fixtures.two_models import IDS, OTHER_KEY, ROUTE, TwoModels, record, route, target, two_models_in
from tests.fixtures.waiting import wait_until

CLIENTS = 32


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoModels]:
    with two_models_in(tmp_path_factory.mktemp("two")) as made:
        yield made


@pytest.fixture(autouse=True)
def fresh(two: TwoModels) -> None:
    two.a.seen.clear()
    two.b.seen.clear()


def test_the_engine_hears_its_own_name_and_the_client_the_public_one(two: TwoModels) -> None:
    two.lead(route((target("a"),)))
    whole = two.ask()
    assert (whole.status_code, whole.json()["model"]) == (200, ROUTE)
    streamed = two.ask(stream=True)
    chunks = [
        json.loads(line.removeprefix("data: ")) for line in streamed.text.split("\n\n") if line.startswith("data: {")
    ]
    assert {chunk["model"] for chunk in chunks} == {ROUTE}
    assert {each.body["model"] for each in two.a.seen} == {"a"}
    start = two.start_of(whole)
    assert (start["model"], start["served_model_id"], start["route"]) == (ROUTE, IDS["a"], "rte-" + "1" * 32)


def test_an_adapter_is_asked_for_by_its_own_name(two: TwoModels) -> None:
    two.lead(route((target("a", model="polite"),)))
    assert two.ask().status_code == 200
    assert two.a.seen[-1].body["model"] == "polite"


def test_a_nested_model_field_is_left_alone(two: TwoModels) -> None:
    two.lead(route((target("a"),)))
    assert two.ask(metadata={"model": "mine"}).status_code == 200
    assert (two.a.seen[-1].body["model"], two.a.seen[-1].body["metadata"]) == ("a", {"model": "mine"})


def test_weights_share_the_traffic(two: TwoModels) -> None:
    two.lead(route((target("a", weight=1), target("b", weight=1))))
    for _ in range(40):
        assert two.ask().status_code == 200
    assert len(two.a.seen) + len(two.b.seen) == 40
    assert min(len(two.a.seen), len(two.b.seen)) >= 5  # the chance of fewer is below 1e-6


def test_a_weight_of_nothing_gets_nothing(two: TwoModels) -> None:
    two.lead(route((target("a", weight=0), target("b"))))
    assert {two.ask().status_code for _ in range(10)} == {200}
    assert (len(two.a.seen), len(two.b.seen)) == (0, 10)


def test_a_key_stays_with_its_target(two: TwoModels) -> None:
    two.lead(route((target("a"), target("b")), sticky="key"))
    for key in (KEY, OTHER_KEY):
        two.a.seen.clear()
        two.b.seen.clear()
        for _ in range(6):
            two.ask(key=key)
        assert sorted((len(two.a.seen), len(two.b.seen))) == [0, 6]


def test_a_session_stays_with_its_target_and_sessions_spread(two: TwoModels) -> None:
    two.lead(route((target("a"), target("b")), sticky="session"))
    sides: set[int] = set()
    for session in range(12):
        two.a.seen.clear()
        for _ in range(2):
            two.ask(headers={"x-session-id": f"s{session}"})
        two.ask(user=f"u{session}")
        assert sum(1 for each in two.a.seen if "user" not in each.body) in (0, 2)
        sides.add(sum(1 for each in two.a.seen if "user" not in each.body))
    assert sides == {0, 2}


@pytest.mark.parametrize("fake", [{"status": 500}, {"status": 503}, {"status": 429}, {"close_at_once": True}])
@pytest.mark.parametrize("stream", [False, True])
def test_a_failure_before_the_first_byte_falls_back_to_the_next_tier(
    two: TwoModels, fake: dict[str, object], stream: bool
) -> None:
    two.lead(route((target("a"),), (target("b"),), retry_percent=100))
    two.a.default.__dict__.update(fake)
    try:
        response = two.ask(stream=stream)
    finally:
        two.a.default.__init__()
    assert response.status_code == 200
    assert (len(two.a.seen), len(two.b.seen)) == (1, 1)
    assert (two.start_of(response)["served_model_id"], two.end_of(response)["served_model_id"]) == (IDS["a"], IDS["b"])
    assert two.end_of(response)["fallback"] is True


def test_nothing_is_tried_again_after_the_first_byte(two: TwoModels) -> None:
    two.lead(route((target("a"),), (target("b"),)))
    response = two.ask(stream=True, fake={"die_after": 2})
    assert "engine_error" in response.text
    assert (len(two.a.seen), len(two.b.seen)) == (1, 0)


def test_a_clients_own_mistake_is_not_tried_elsewhere(two: TwoModels) -> None:
    two.lead(route((target("a"),), (target("b"),)))
    assert two.ask(fake={"status": 400}).status_code == 400
    assert (len(two.a.seen), len(two.b.seen)) == (1, 0)


def test_retries_are_bounded_by_the_budget(two: TwoModels) -> None:
    two.lead(route((target("a"),), (target("b"),), retry_percent=0))
    two.a.default.status = two.b.default.status = 500
    try:
        assert {two.ask().status_code for _ in range(60)} == {502}
    finally:
        two.a.default.status = two.b.default.status = 200
    assert len(two.a.seen) + len(two.b.seen) < 60 + 40  # ten saved up, and one for each second


def test_a_shadow_is_sent_and_counted_apart(two: TwoModels) -> None:
    two.lead(route((target("a"),), shadow={"target": target("b"), "percent": 100}))
    response = two.ask()
    assert response.json()["model"] == ROUTE
    wait_until(lambda: bool(two.b.seen) and two.b.seen[-1].finished, what="the copy arrives", seconds=5)
    assert two.b.seen[-1].body["model"] == "b"
    wait_until(
        lambda: any(each.get("shadow") for each in two.box.records() if each["record"] == "start"),
        what="the copy is counted",
        seconds=5,
    )
    copies = [each for each in two.box.records() if each["record"] == "start" and each["shadow"]]
    assert copies[-1]["request_id"] != response.headers["x-request-id"]


def test_a_shadow_that_fails_or_hangs_is_nobodys_trouble(two: TwoModels) -> None:
    two.lead(route((target("a"),), shadow={"target": target("b"), "percent": 100}))
    two.b.default.hold_after = 0
    try:
        assert {two.ask(stream=True).status_code for _ in range(20)} == {200}
    finally:
        two.b.default.hold_after = None
    assert len(two.b.seen) <= 8


def test_a_switch_under_32_streaming_clients_fails_nobody(two: TwoModels) -> None:
    """From A to B and back, a canary in between, while 32 clients stream without a pause."""
    two.lead(route((target("a"),)))
    stop, counts = threading.Event(), [0, 0]

    def stream() -> list[str]:
        failures: list[str] = []
        body = {"model": ROUTE, "messages": MESSAGES, "stream": True, "fake": {"tokens": 5, "delay_seconds": 0.005}}
        with two.box.client(KEY) as client:
            while not stop.is_set():
                try:
                    answer = client.post("/v1/chat/completions", json=body)
                except httpx.HTTPError as error:
                    failures.append(repr(error))
                    continue
                if answer.status_code != 200 or not answer.text.endswith("data: [DONE]\n\n"):
                    failures.append(answer.text[-200:])
                counts[0] += 1
        return failures

    with ThreadPoolExecutor(CLIENTS) as pool:
        running = [pool.submit(stream) for _ in range(CLIENTS)]
        try:
            for weights in ((1, 0), (9, 1), (0, 1), (1, 1), (1, 0)):
                two.lead(route((target("a", weight=weights[0]), target("b", weight=weights[1]))))
                a, b = len(two.a.seen), len(two.b.seen)
                for engine, before, weight in ((two.a, a, weights[0]), (two.b, b, weights[1])):
                    if weight:
                        wait_until(lambda e=engine, n=before: len(e.seen) > n + 5, what="it is asked", seconds=20)
        finally:
            stop.set()
        failures = [failure for future in running for failure in future.result(30)]
    assert failures == []
    assert counts[0] >= 50
    assert two.b.seen


def test_a_replica_that_fails_is_passed_over_and_comes_back(tmp_path_factory: pytest.TempPathFactory) -> None:
    with two_models_in(tmp_path_factory.mktemp("ejection")) as two:
        two.replicas(record(two.a, of="a", name="rep-1"), record(two.b, of="a", name="rep-2"))
        two.lead(route((target("a"),), retry_percent=100))
        two.a.default.close_at_once = True
        assert {two.ask().status_code for _ in range(20)} == {200}
        assert len(two.a.seen) <= 4  # three in a row and it is out
        two.a.default.close_at_once = False

        def asked_again() -> bool:
            before = len(two.a.seen)
            two.ask()
            return len(two.a.seen) > before

        wait_until(asked_again, what="the replica is asked again", seconds=10)
