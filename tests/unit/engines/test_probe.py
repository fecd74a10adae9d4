"""Probing an engine: its figures in one schema, and silence or illness told apart from health."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import UnixStreamServer

import pytest

from appliance.engines.pack import load_pack
from appliance.engines.probe import EngineLoad, is_healthy, parse_load, read_load

PROBE = load_pack("vllm-cpu").probe
METRICS = """\
# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="m"} 2.0
vllm:num_requests_running{engine="1",model_name="m"} 1.0
vllm:num_requests_waiting{engine="0",model_name="m"} 4.0
vllm:kv_cache_usage_perc{engine="0",model_name="m"} 0.25
vllm:prompt_tokens_total{engine="0",model_name="m"} 1.2e+03
vllm:generation_tokens_total{engine="0",model_name="m"} 77.0
"""
EXPECTED = EngineLoad(running=3, waiting=4, kv_cache_usage=0.25, prompt_tokens=1200, generation_tokens=77)


class FakeEngine(BaseHTTPRequestHandler):
    """Answers like an engine; `healthy` is flipped by the tests."""

    healthy = True

    def do_GET(self) -> None:
        self.send_response(200 if self.healthy else 503)
        self.end_headers()
        self.wfile.write(METRICS.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class names it
        """Says nothing; over a unix socket there is no client address to say."""


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Path]:
    FakeEngine.healthy = True
    path = tmp_path / "e.sock"
    with UnixStreamServer(str(path), FakeEngine) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield path
        server.shutdown()
        thread.join()


def test_figures_of_several_engine_cores_are_summed() -> None:
    assert parse_load(METRICS, names=PROBE.metrics) == EXPECTED


def test_an_engine_without_requests_yet_has_zeros() -> None:
    assert parse_load("# nothing\n", names=PROBE.metrics).running == 0


def test_figures_are_read_over_the_socket(engine: Path) -> None:
    assert read_load(engine, probe=PROBE) == EXPECTED
    assert is_healthy(engine, probe=PROBE)


def test_an_ill_engine_is_not_healthy(engine: Path) -> None:
    FakeEngine.healthy = False
    assert not is_healthy(engine, probe=PROBE)
    assert read_load(engine, probe=PROBE) is None


def test_silence_is_not_health(tmp_path: Path) -> None:
    assert not is_healthy(tmp_path / "none.sock", probe=PROBE)
    assert read_load(tmp_path / "none.sock", probe=PROBE) is None
