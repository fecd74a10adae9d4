"""`appliance nodes` and `appliance hardware` against the admin API on its socket."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient

from appliance.base.contracts.heartbeat import HealthReport
from appliance.base.ids import new_uuid
from appliance.base.settings import Settings
from tests.fixtures.heartbeats import CARD, beat
from tests.fixtures.waiting import wait_until

WAIT_SECONDS = 30.0
CLI = "from installer.cli import app; app()"
ILL = CARD.model_copy(
    update={"utilization": 0.42, "power_watts": 45.0, "health": HealthReport(state="warning", reasons=("It is hot.",))}
)

Run = Callable[..., str]


@pytest.fixture
def run(application: FastAPI, database_settings: Settings) -> Iterator[Run]:
    """A command's output, with the API of this process on the home's socket."""
    socket = Path(database_settings.paths.api_socket)
    socket.parent.mkdir(parents=True, exist_ok=True)
    server = uvicorn.Server(uvicorn.Config(application, uds=str(socket), log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_until(lambda: server.started, what="the API is up")

    def invoke(*arguments: str, code: int = 0) -> str:
        environment = {**os.environ, "APPLIANCE_HOME": str(database_settings.home), "COLUMNS": "200"}
        outcome = subprocess.run(
            [sys.executable, "-c", CLI, *arguments],
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        assert outcome.returncode == code, outcome.stdout
        return outcome.stdout

    yield invoke
    server.should_exit = True
    thread.join(WAIT_SECONDS)


def test_a_node_is_listed_drained_and_taken_back_by_its_hostname(run: Run, node: TestClient) -> None:
    node_id = node.post("/api/v1/nodes/heartbeat", json=beat(new_uuid(), ILL)).json()["id"]
    for _ in range(2):
        assert run("nodes", "drain", "rack-1") == f"rack-1 ({node_id}) is draining; wanted: draining.\n"
    assert json.loads(run("nodes", "list", "--json"))["nodes"][0]["state"] == "draining"
    assert "1 × H100" in run("nodes", "list")
    hardware = run("hardware")
    for part in ("rack-1 (draining)", "warning It is hot.", "42 %", "45 W"):
        assert part in hardware
    assert json.loads(run("nodes", "undrain", node_id, "--json"))["state"] == "ready"
    assert "There is no node 'rack-9'" in run("nodes", "drain", "rack-9", code=1)
