"""A replica runs on the node that it was given: two Ray nodes, both on this machine."""

import json
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from appliance.base.ids import new_uuid, public_id
from appliance.serving.ray_command import ray_environment
from appliance.serving.spec import node_resource
from tests.fixtures.serving import ServingBox
from tests.fixtures.waiting import wait_until

RAYLET = """
import json, signal, sys
from ray._private.node import Node
from ray._private.parameter import RayParams
address, resources = sys.argv[1], json.loads(sys.argv[2])
node = Node(
    RayParams(gcs_address=address, node_ip_address="127.0.0.1", num_cpus=1, resources=resources), head=False
)
signal.sigwait({signal.SIGTERM})
"""
"""What `ray start --address` does: the command itself refuses while all of Ray is kept to loopback."""


@pytest.fixture
def second_node(serving_box: ServingBox) -> Iterator[str]:
    """A second raylet under the same head, with a node's resource of its own."""
    name = public_id("node", new_uuid())
    address = f"127.0.0.1:{serving_box.box.ports.ray_gcs}"
    with (serving_box.home.logs / "second-node.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", RAYLET, address, json.dumps({node_resource(name): 1})],
            env=ray_environment(serving_box.home, box=serving_box.box, settings=serving_box.settings),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    yield name
    raylets = psutil.Process(process.pid).children(recursive=True)
    process.terminate()
    for one in raylets:
        one.terminate()
    gone, alive = psutil.wait_procs([*raylets, psutil.Process(process.pid)], timeout=30)
    assert not alive, gone


def test_a_replica_starts_on_the_node_that_it_was_given(serving_box: ServingBox, second_node: str) -> None:
    there = serving_box.spec(node_id=second_node)
    serving_box.put(there)
    (replica,) = serving_box.wait_ready(there)
    assert replica.node_id == second_node
    (seen,) = serving_box.applications()[there.application]["deployments"]["engine"]["replicas"]
    assert seen["node_id"] != serving_box.head_node()


def test_a_replica_of_a_node_that_is_not_there_waits(serving_box: ServingBox) -> None:
    nowhere = serving_box.spec(node_id=public_id("node", new_uuid()))
    serving_box.put(nowhere)
    wait_until(lambda: nowhere.application in serving_box.applications(), seconds=60, what="Serve has it")
    assert serving_box.replicas(nowhere) == []
    serving_box.put()
    wait_until(lambda: nowhere.application not in serving_box.applications(), seconds=60, what="Serve forgets it")
