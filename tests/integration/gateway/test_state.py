"""The gateway's knowledge: snapshots that change, come from the future or are missing, Redis that goes, and disks
that fill.
"""

import json
import resource
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from appliance.base.contracts.replica_table import REPLICAS_KEY
from appliance.base.contracts.snapshot import SNAPSHOT_CHANNEL, SNAPSHOT_FILE, SnapshotKey
from appliance.base.secret_files import Secret, read_secret
from tests.fixtures.gateway import KEY, GatewayBox, digest, gateway_box_in, replica, snapshot
from tests.fixtures.redis import redis_program
from tests.fixtures.waiting import wait_until

NEW_KEY = "sk-ts-dddddddddddd-" + "d" * 43


@pytest.fixture
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Generator[GatewayBox]:
    with gateway_box_in(tmp_path_factory.mktemp("state")) as box:
        yield box


def new_key() -> SnapshotKey:
    return SnapshotKey(key_id="key-9", digest=digest(NEW_KEY), project_id="proj-1")


def problems(box: GatewayBox) -> list[str]:
    with box.client() as client:
        return client.get("/healthz").json()["detail"]["problems"]


def test_a_revoked_key_stops_and_a_new_one_works_within_the_bound(gateway: GatewayBox) -> None:
    assert gateway.chat().status_code == 200
    gateway.put_snapshot(snapshot(2, keys=(new_key(),)))
    wait_until(lambda: gateway.chat().status_code == 401, what="the old key is refused", seconds=3)
    assert gateway.chat(key=NEW_KEY).status_code == 200


@pytest.mark.parametrize("content", ['{"format": 99, "version": 3}', '{"format": 1, "version"', "[]"])
def test_a_snapshot_that_cannot_be_read_leaves_the_old_one(gateway: GatewayBox, content: str) -> None:
    (gateway.home.snapshot / SNAPSHOT_FILE).write_text(content)
    wait_until(lambda: any("snapshot" in each for each in problems(gateway)), what="health says so", seconds=5)
    assert gateway.chat().status_code == 200
    gateway.put_snapshot(snapshot(4))
    wait_until(lambda: not any("snapshot" in each for each in problems(gateway)), what="mended", seconds=5)


def test_a_missing_snapshot_is_a_503_that_says_what_to_do(gateway: GatewayBox) -> None:
    (gateway.home.snapshot / SNAPSHOT_FILE).unlink()
    assert gateway.chat().status_code == 200
    gateway.restart()
    response = gateway.chat()
    assert response.status_code == 503
    assert "appliance status" in response.json()["error"]["message"]
    gateway.put_snapshot(snapshot(5))
    wait_until(lambda: gateway.chat().status_code == 200, what="it serves", seconds=5)


@contextmanager
def redis_of(box: GatewayBox) -> Generator["redis.Redis"]:
    password = read_secret(box.home, Secret.REDIS_PASSWORD)
    process = subprocess.Popen(
        [redis_program(), "--port", "0", "--unixsocket", str(box.home.redis_socket), "--requirepass", password,
         "--save", "", "--appendonly", "no"], cwd=box.home.root, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    client = redis.Redis(unix_socket_path=str(box.home.redis_socket), password=password)
    try:
        wait_until(lambda: answers(client), what="Redis answers", seconds=10)
        yield client
    finally:
        client.close()
        process.kill()
        process.wait()


def answers(client: "redis.Redis") -> bool:
    try:
        return bool(client.ping())  # pyright: ignore[reportUnknownMemberType]
    except redis.RedisError:
        return False


def test_replicas_come_from_redis_and_stay_when_it_goes_or_comes_back_empty(gateway: GatewayBox) -> None:
    gateway.stop()
    (gateway.home.snapshot / "replicas.json").unlink()
    gateway.start()
    assert gateway.chat().status_code == 503
    with redis_of(gateway) as client:
        client.hset(REPLICAS_KEY, "rep-1", replica(gateway.engine.endpoint).model_dump_json())
        client.hset(REPLICAS_KEY, "rep-2", "damaged")
        wait_until(lambda: gateway.chat().status_code == 200, what="the replica is seen", seconds=5)
        client.delete(REPLICAS_KEY)
        assert gateway.chat().status_code == 200
    wait_until(lambda: any("Redis" in each for each in problems(gateway)), what="health says so", seconds=5)
    assert gateway.chat().status_code == 200
    gateway.restart()
    assert gateway.chat().status_code == 200


def test_a_message_hurries_the_snapshot(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("hurried")
    with gateway_box_in(folder, APPLIANCE_GATEWAY__REFRESH_SECONDS="60") as box, redis_of(box) as client:
        box.restart()
        wait_until(lambda: client.pubsub_numsub(SNAPSHOT_CHANNEL)[0][1] == 1, what="it listens", seconds=10)  # pyright: ignore
        box.put_snapshot(snapshot(2, keys=(new_key(),)))
        client.publish(SNAPSHOT_CHANNEL, "2")  # pyright: ignore[reportUnknownMemberType]
        wait_until(lambda: box.chat(key=NEW_KEY).status_code == 200, what="the new key works", seconds=5)
        assert box.chat().status_code == 401


def test_a_full_disk_refuses_new_requests_and_recovers(gateway: GatewayBox) -> None:
    assert gateway.chat().status_code == 200
    assert gateway.process is not None
    spool = next(gateway.home.spool.glob("usage-*.jsonl"))
    full = spool.stat().st_size + 100
    resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (full, resource.RLIM_INFINITY))
    response = gateway.chat()
    assert (response.status_code, response.json()["error"]["code"]) == (507, "insufficient_storage")
    assert len(gateway.engine.seen) == 1
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, unlimited)
    assert gateway.chat().status_code == 200
    lines = spool.read_text().splitlines()
    assert [json.loads(line)["record"] for line in lines[:3]] == ["start", "end", "start"]


def test_sigterm_lets_a_running_request_finish(gateway: GatewayBox) -> None:
    with gateway.client(KEY) as client, client.stream(
        "POST",
        "/v1/chat/completions",
        json={"model": "tiny", "messages": [{"role": "user", "content": "x"}], "stream": True,
              "fake": {"tokens": 20, "delay_seconds": 0.05}},
    ) as response:  # fmt: skip
        lines = response.iter_lines()
        first = next(lines)
        assert gateway.process is not None
        gateway.process.terminate()
        rest = list(lines)
    assert first.startswith("data: ")
    assert "data: [DONE]" in rest
    assert gateway.process.wait(15) in (0, -15)
    assert [each["record"] for each in gateway.records()] == ["start", "end"]


def test_two_gateways_do_not_share_a_spool_file(gateway: GatewayBox) -> None:
    gateway.chat()
    gateway.restart()
    gateway.chat()
    names = {path.name.split("-")[1] for path in Path(gateway.home.spool).glob("usage-*.jsonl")}
    assert len(names) == 2
