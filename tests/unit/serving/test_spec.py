"""The Serve document is a pure function of the served versions."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from appliance.serving.spec import NODE_SHARE, ReplicaSpec, node_resource, serve_document


def spec(name: str, **changes: object) -> ReplicaSpec:
    values = {
        "application": f"plc-{name}",
        "served_model_id": f"srv-{name}",
        "version_id": "ver-1",
        "model_name": name,
        "task": "chat",
        "engine_version": "0.32.0",
        "weights_path": Path("/weights"),
        "max_model_len": 512,
        "kv_cache_bytes": 1024,
        "home": Path("/home"),
        "node_id": "node-1",
    }
    return ReplicaSpec.model_validate({**values, **changes})


def test_order_of_the_rows_does_not_matter() -> None:
    assert serve_document([spec("a"), spec("b")]) == serve_document([spec("b"), spec("a")])


def test_each_replica_is_an_application_of_its_own() -> None:
    """So one can be given other cards, or another node, without a restart of its siblings."""
    first, second = (spec("a", application=name, cards={"CARDS": name}) for name in ("plc-1", "plc-2"))
    applications = serve_document([first, second])["applications"]
    assert [one["name"] for one in applications] == ["plc-1", "plc-2"]
    assert [one["args"]["cards"] for one in applications] == [{"CARDS": "plc-1"}, {"CARDS": "plc-2"}]
    assert all(one["deployments"] == [{"name": "engine", "num_replicas": 1}] for one in applications)


def test_a_pinned_replica_asks_for_its_node_and_for_no_logical_cpu() -> None:
    pinned = spec("a", is_pinned=True, num_cpus=4).actor_options
    assert pinned == {"num_cpus": 0, "resources": {node_resource("node-1"): NODE_SHARE}}
    assert spec("a", num_cpus=4).actor_options == {"num_cpus": 4}


def test_a_new_version_changes_the_args_so_that_replicas_are_replaced() -> None:
    old, new = (serve_document([spec("a", version_id=version)])["applications"][0] for version in ("ver-1", "ver-2"))
    assert old["args"] != new["args"]
    assert old["name"] == new["name"]


def test_serve_stays_out_of_the_byte_path() -> None:
    document = serve_document([spec("a")])
    assert document["proxy_location"] == "Disabled"
    assert document["applications"][0]["route_prefix"] is None


def test_args_come_back_as_the_same_spec() -> None:
    original = spec("a", engine_args=("--seed=1",))
    args = serve_document([original])["applications"][0]["args"]
    assert ReplicaSpec.model_validate(args) == original


def test_a_misspelt_field_is_refused() -> None:
    with pytest.raises(ValidationError, match="max_model_length"):
        spec("a", max_model_length=1)
