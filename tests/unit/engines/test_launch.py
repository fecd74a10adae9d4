"""An engine's environment comes from an allow-list, whatever its parent has."""

from dataclasses import replace
from pathlib import Path

import pytest

from appliance.base.errors import SetupError
from appliance.engines.launch import engine_command
from appliance.engines.pack import load_pack
from tests.unit.engines.values import VALUES

OF_THE_PARENT = {
    "RAY_worker_niceness": "0",
    "RAY_AUTH_TOKEN_PATH": "/secrets/ray_token",
    "OMP_NUM_THREADS": "1",
    "KMP_AFFINITY": "none",
    "PYTHONPATH": "/somewhere",
    "APPLIANCE_HOME": "/home",
    "LD_PRELOAD": "libjemalloc.so",
}


def test_nothing_of_the_parent_gets_through(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in OF_THE_PARENT.items():
        monkeypatch.setenv(name, value)
    env = engine_command(load_pack("vllm-cpu"), task="chat", values=VALUES, marks={}).env
    assert not OF_THE_PARENT.keys() & env.keys()


def test_figures_of_the_box_reach_the_command_line() -> None:
    argv = engine_command(load_pack("vllm-cpu"), task="chat", values=VALUES, marks={}).argv
    assert f"--kv-cache-memory-bytes={VALUES.kv_cache_bytes}" in argv
    assert f"--uds={VALUES.socket}" in argv
    assert f"--max-model-len={VALUES.max_model_len}" in argv


SEALED = replace(VALUES, key_fd=7)


def test_open_weights_load_no_plugin() -> None:
    command = engine_command(load_pack("vllm-cpu"), task="chat", values=VALUES, marks={})
    assert command.env["VLLM_PLUGINS"] == ""
    assert not [part for part in command.argv if part.startswith("--load-format")]


@pytest.mark.parametrize("name", ["vllm-cpu", "vllm-cuda"])
def test_sealed_weights_load_one_plugin_and_no_other(name: str) -> None:
    command = engine_command(load_pack(name), task="chat", values=SEALED, marks={})
    assert "--load-format=sails-sealed" in command.argv
    assert command.env["VLLM_PLUGINS"] == "sails_sealed"
    assert command.env["TS_SEALED_KEY_FD"] == "7"
    assert (Path(command.env["PYTHONPATH"]) / "sails_sealed" / "__init__.py").is_file()


def test_an_engine_that_cannot_load_sealed_weights_is_not_started() -> None:
    with pytest.raises(SetupError, match="sealed"):
        engine_command(load_pack("llamacpp-cpu"), task="chat", values=SEALED, marks={})
