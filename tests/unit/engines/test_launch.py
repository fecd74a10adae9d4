"""An engine's environment comes from an allow-list, whatever its parent has."""

import pytest

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
