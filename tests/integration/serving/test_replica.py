"""A replica from the document to its end, with the real Ray, the real Redis and the real engine."""

import os
import signal

import psutil
import pytest

from appliance.base.contracts.replica_table import REPLICAS_KEY, ReplicaRecord
from appliance.base.ids import new_uuid
from appliance.serving.spec import ReplicaSpec
from appliance.serving.strays import find_strays
from tests.fixtures.serving import (
    ServingBox,
    chat,
    engine_processes,
    is_loopback,
    listening_addresses,
    no_engine_left,
)
from tests.fixtures.waiting import wait_until

ALLOWED_FROM_RAY = {"RAY_USAGE_STATS_ENABLED"}


@pytest.fixture(scope="module")
def spec(serving_box: ServingBox) -> ReplicaSpec:
    spec = serving_box.spec()
    serving_box.put(spec)
    return spec


@pytest.fixture
def ready(serving_box: ServingBox, spec: ReplicaSpec) -> ReplicaRecord:
    return serving_box.wait_ready(spec)[0]


def test_the_engine_of_a_replica_answers(ready: ReplicaRecord, spec: ReplicaSpec) -> None:
    answer = chat(ready.endpoint, model=spec.model_name)
    assert answer["usage"]["completion_tokens"] > 0
    assert ready.version_id == spec.version_id


def test_a_replica_listens_on_loopback_only(serving_box: ServingBox, ready: ReplicaRecord) -> None:
    addresses = listening_addresses(serving_box)
    assert ready.replica_pid in addresses
    assert {address for found in addresses.values() for address in found if not is_loopback(address)} == set()


def test_an_engine_inherits_nothing_of_its_replica(serving_box: ServingBox, ready: ReplicaRecord) -> None:
    """What made the first token late: docs/adr/0003-first-token-under-ray.md."""
    processes = engine_processes(serving_box.home)
    assert ready.engine_pid in {process.pid for process in processes}
    for process in processes:
        assert process.nice() == os.getpriority(os.PRIO_PROCESS, 0), process
        assert process.cpu_affinity() == psutil.Process().cpu_affinity() or "Worker" in process.name(), process
    environ = psutil.Process(ready.engine_pid).environ()
    inherited = {name for name in environ if name.startswith(("RAY_", "OMP_", "KMP_", "MKL_", "APPLIANCE_"))}
    assert inherited <= ALLOWED_FROM_RAY


def test_the_table_is_written_again_after_redis_came_back_empty(
    serving_box: ServingBox, spec: ReplicaSpec, ready: ReplicaRecord
) -> None:
    serving_box.redis.delete(REPLICAS_KEY)
    again = serving_box.wait_ready(spec)[0]
    assert again.replica_id == ready.replica_id
    assert again.published_at > ready.published_at


def test_a_killed_engine_is_replaced(serving_box: ServingBox, spec: ReplicaSpec, ready: ReplicaRecord) -> None:
    os.kill(ready.engine_pid, signal.SIGKILL)
    replacement = serving_box.wait_ready(spec, but_not=ready.replica_id)[0]
    assert chat(replacement.endpoint, model=spec.model_name)["usage"]["completion_tokens"] > 0
    assert {one.replica_id for one in serving_box.replicas(spec)} == {replacement.replica_id}
    assert find_strays(serving_box.home) == []


def test_a_killed_keeper_leaves_no_part_of_the_engine(
    serving_box: ServingBox, spec: ReplicaSpec, ready: ReplicaRecord
) -> None:
    keeper = psutil.Process(ready.engine_pid).parent()
    assert keeper is not None
    old_group = [one.pid for one in engine_processes(serving_box.home) if os.getpgid(one.pid) == ready.engine_pid]
    keeper.kill()
    serving_box.wait_ready(spec, but_not=ready.replica_id)
    assert [pid for pid in old_group if psutil.pid_exists(pid)] == []


def test_a_second_replica_leaves_the_first_alone(
    serving_box: ServingBox, spec: ReplicaSpec, ready: ReplicaRecord
) -> None:
    serving_box.put(spec, spec.model_copy(update={"application": f"plc-{new_uuid().hex}"}))
    both = serving_box.wait_ready(spec, count=2)
    assert ready.engine_pid in {one.engine_pid for one in both}


def test_going_down_drains_and_leaves_no_process(serving_box: ServingBox, ready: ReplicaRecord) -> None:
    serving_box.put()

    def draining() -> bool:
        return all(row.state == "draining" for row in serving_box.rows())

    wait_until(draining, seconds=60, what=lambda: str(serving_box.rows()))
    no_engine_left(serving_box.home)
    assert serving_box.rows() == []
    assert not psutil.pid_exists(ready.engine_pid)
