"""How many worker pods a Serve config needs."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.serving.spec import ReplicaSpec, serve_document
from control_plane.cluster.kubernetes_adapter.workers import grow, pods_needed, replica_cpus


def application(*, replicas: int, cpus: float) -> dict[str, Any]:
    return {"args": {"num_cpus": cpus}, "deployments": [{"name": "engine", "num_replicas": replicas}]}


def group(*, cpus: int, replicas: int = 0, most: int = 4) -> dict[str, Any]:
    return {
        "groupName": f"c{cpus}",
        "replicas": replicas,
        "maxReplicas": most,
        "rayStartParams": {"num-cpus": str(cpus)},
    }


def sizes(groups: list[dict[str, Any]] | None) -> list[int] | None:
    return None if groups is None else [entry["replicas"] for entry in groups]


@pytest.mark.parametrize(
    ("cpus", "pods"), [([], 0), ([4], 1), ([2, 2], 1), ([3, 2, 1], 2), ([0.5] * 8, 1), ([3, 3, 3], 3)]
)
def test_first_fit(cpus: list[float], pods: int) -> None:
    assert pods_needed(sorted(cpus, reverse=True), cpus_per_pod=4) == pods


def test_the_document_of_the_serving_package_is_understood() -> None:
    spec = ReplicaSpec(
        application="plc-1",
        served_model_id="srv-1",
        version_id="ver-1",
        model_name="m",
        task="chat",
        engine_version="1",
        weights_path=Path("/w"),
        max_model_len=8,
        kv_cache_bytes=0,
        num_cpus=1.5,
        home=Path("/h"),
        node_id="node-1",
    )
    specs = [spec.model_copy(update={"application": f"plc-{number}"}) for number in range(3)]
    assert replica_cpus(serve_document(specs)["applications"]) == [1.5, 1.5, 1.5]


def test_an_application_without_our_arguments_asks_for_nothing() -> None:
    assert replica_cpus([{"import_path": "other:app"}, application(replicas=2, cpus=1)]) == [1, 1]


def test_enough_is_left_alone() -> None:
    assert grow([group(cpus=4, replicas=2)], applications=[application(replicas=4, cpus=2)]) is None


def test_a_group_stops_at_its_most() -> None:
    grown = grow([group(cpus=4, replicas=1, most=3)], applications=[application(replicas=9, cpus=4)])
    assert sizes(grown) == [3]


def test_what_the_first_group_cannot_hold_goes_to_the_next() -> None:
    groups = [group(cpus=4, most=2), group(cpus=16, most=2)]
    wanted = [application(replicas=1, cpus=16), application(replicas=3, cpus=4)]
    assert sizes(grow(groups, applications=wanted)) == [2, 2]


def test_a_replica_too_large_for_every_group_adds_no_pod() -> None:
    assert grow([group(cpus=4)], applications=[application(replicas=1, cpus=8)]) is None


def test_a_foreign_group_without_cpus_is_left_alone() -> None:
    foreign = {"groupName": "theirs", "replicas": 1, "maxReplicas": 9}
    assert grow([foreign], applications=[application(replicas=2, cpus=1)]) is None


@given(st.lists(st.integers(1, 4), max_size=30), st.integers(0, 5), st.integers(5, 10))
def test_growth_never_shrinks_and_never_passes_the_most(cpus: list[int], present: int, most: int) -> None:
    wanted = [application(replicas=1, cpus=size) for size in cpus]
    grown = sizes(grow([group(cpus=4, replicas=present, most=most)], applications=wanted)) or [present]
    assert present <= grown[0] <= most
    assert grown[0] >= min(most, -(-sum(cpus) // 4))
