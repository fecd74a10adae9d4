"""The Serve document is a pure function of the served versions."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from appliance.serving.spec import ServedVersionSpec, serve_document


def spec(name: str, **changes: object) -> ServedVersionSpec:
    values = {
        "served_model_id": f"srv-{name}",
        "version_id": "ver-1",
        "model_name": name,
        "task": "chat",
        "engine_version": "0.32.0",
        "weights_path": Path("/weights"),
        "max_model_len": 512,
        "home": Path("/home"),
        "node_id": "node-1",
    }
    return ServedVersionSpec.model_validate({**values, **changes})


def test_order_of_the_rows_does_not_matter() -> None:
    assert serve_document([spec("a"), spec("b")]) == serve_document([spec("b"), spec("a")])


def test_scaling_changes_no_args_so_that_running_replicas_stay() -> None:
    one, two = (serve_document([spec("a", num_replicas=count)])["applications"][0] for count in (1, 2))
    assert one["args"] == two["args"]
    assert two["deployments"] == [{"name": "engine", "num_replicas": 2}]


def test_a_new_version_changes_the_args_so_that_replicas_are_replaced() -> None:
    old, new = (serve_document([spec("a", version_id=version)])["applications"][0] for version in ("ver-1", "ver-2"))
    assert old["args"] != new["args"]
    assert old["name"] == new["name"]


def test_no_replicas_means_no_application() -> None:
    assert serve_document([spec("a", num_replicas=0)])["applications"] == []


def test_serve_stays_out_of_the_byte_path() -> None:
    document = serve_document([spec("a")])
    assert document["proxy_location"] == "Disabled"
    assert document["applications"][0]["route_prefix"] is None


def test_args_come_back_as_the_same_spec() -> None:
    original = spec("a", engine_args=("--seed=1",))
    args = serve_document([original])["applications"][0]["args"]
    assert ServedVersionSpec.model_validate(args) == original


def test_a_misspelt_field_is_refused() -> None:
    with pytest.raises(ValidationError, match="max_model_length"):
        spec("a", max_model_length=1)
