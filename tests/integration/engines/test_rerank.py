"""The real engine of the rerank task scores texts for a query; here over an embedding model, which vLLM allows."""

import json
import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

from appliance.base.settings import load_settings
from appliance.engines.conformance.engine import UnixConnection
from appliance.engines.install import installed_environment
from appliance.engines.launch import LaunchValues, engine_command
from appliance.engines.pack import load_pack
from appliance.engines.probe import is_healthy
from appliance.engines.process import start_process
from model_catalog.catalogue import find_entry
from model_catalog.sources import local_folder
from tests.fixtures.waiting import wait_until

START_SECONDS = 300
PACK = load_pack("vllm-cpu")


@pytest.fixture(scope="module")
def socket() -> Generator[Path]:
    """Of the bundled embedding model, started for reranking; its path is short, as a socket's must be."""
    folder = Path(tempfile.mkdtemp(prefix="ts-rank-"))
    values = LaunchValues(
        python=installed_environment(PACK, engines_dir=load_settings().engines_dir) / "bin" / "python",
        pack=PACK.folder,
        weights=local_folder(find_entry("all-minilm-l6-v2").default_variant.source),
        model_name="ranker",
        socket=folder / "e.sock",
        max_model_len=256,
        kv_cache_bytes=0,
        cache=folder / "cache",
    )
    command = engine_command(PACK, task="rerank", values=values, marks={})
    process = start_process(command, cwd=folder, socket=values.socket, log=folder / "engine.log")

    def is_up() -> bool:
        assert process.is_running(), process.last_lines(15)
        return is_healthy(values.socket, probe=PACK.probe)

    try:
        wait_until(is_up, seconds=START_SECONDS, what=lambda: f"it starts: {process.last_lines(15)}", every=0.2)
        yield values.socket
    finally:
        process.end()
        shutil.rmtree(folder, ignore_errors=True)


def test_what_answers_the_query_comes_first(socket: Path) -> None:
    documents = ["Bread is baked in an oven.", "Paris is the capital of France.", "Ships have sails."]
    asked = {"model": "ranker", "query": "What is the capital of France?", "documents": documents}
    connection = UnixConnection(socket)
    connection.request("POST", "/v1/rerank", json.dumps(asked), {"content-type": "application/json"})
    answer = connection.getresponse()
    said = json.loads(answer.read())
    assert answer.status == 200, said
    assert said["results"][0]["index"] == 1
    scores = [result["relevance_score"] for result in said["results"]]
    assert scores == sorted(scores, reverse=True)
    assert said["usage"]["total_tokens"] > 0
