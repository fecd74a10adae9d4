"""`python -m control_plane.migrate` and `.api` as processes, with PostgreSQL going and coming back."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from appliance.base.paths import Home
from appliance.base.secret_files import Secret, read_secret
from tests.fixtures.postgres import prepare_home, start_server, stop_server
from tests.fixtures.waiting import wait_until

WAIT_SECONDS = 30.0


class Box:
    """A home with its own server, and the control plane's processes on it."""

    def __init__(self, root: Path) -> None:
        self.home = Home(root)
        self.environment = {**os.environ, "APPLIANCE_HOME": str(root)}
        prepare_home(self.home)
        self.postgres = start_server(self.home)
        self.api: subprocess.Popen[bytes] | None = None

    def migrate(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "control_plane.migrate"], env=self.environment, stderr=subprocess.PIPE, text=True
        )

    def start_api(self) -> httpx.Client:
        self.api = subprocess.Popen(
            [sys.executable, "-m", "control_plane.api"], env=self.environment, stderr=subprocess.DEVNULL
        )
        return httpx.Client(
            transport=httpx.HTTPTransport(uds=str(self.home.api_socket)),
            base_url="http://api",
            headers={"authorization": f"Bearer {read_secret(self.home, Secret.ADMIN_TOKEN)}"},
            timeout=10,
        )

    def close(self) -> None:
        if self.api is not None:
            self.api.terminate()
            self.api.wait(timeout=WAIT_SECONDS)
        if self.postgres.poll() is None:
            stop_server(self.postgres)


@pytest.fixture
def box() -> Iterator[Box]:
    root = Path(tempfile.mkdtemp(prefix="ts-test-box-"))
    made = Box(root)
    try:
        yield made
    finally:
        made.close()
        shutil.rmtree(made.home.run, ignore_errors=True)
        shutil.rmtree(root, ignore_errors=True)


def status_of(client: httpx.Client, path: str) -> Callable[[], int]:
    def ask() -> int:
        try:
            return client.get(path).status_code
        except httpx.TransportError:
            return 0

    return ask


def test_the_api_outlives_its_database(box: Box) -> None:
    """Two migrations at once, then the API; PostgreSQL stops: 503 at once; it comes back: 200 without a restart."""
    migrations = [box.migrate(), box.migrate()]
    assert [(process.wait(timeout=60), process.communicate()[1])[0] for process in migrations] == [0, 0]
    with box.start_api() as client:
        keys = status_of(client, "/api/v1/keys")
        wait_until(lambda: keys() == 200, seconds=WAIT_SECONDS, what="the API answers")
        assert len(client.get("/v1/organization/users").json()["data"]) == 1
        client.post("/api/v1/keys", json={"name": "far away"}, headers={"x-forwarded-for": "192.0.2.7"})
        assert client.get("/api/v1/audit").json()["data"][0]["address"] == "192.0.2.7"
        stop_server(box.postgres)
        began = time.monotonic()
        away = client.get("/api/v1/keys")
        assert (away.status_code, away.json()["error"]["code"]) == (503, "registry_unavailable")
        assert int(away.headers["retry-after"]) > 0
        assert time.monotonic() - began < 10
        assert client.get("/healthz").status_code == 200
        box.postgres = start_server(box.home)
        wait_until(lambda: keys() == 200, seconds=WAIT_SECONDS, what="the API answers")
        assert (box.home.api_socket.parent.stat().st_mode & 0o777) == 0o700


def test_migrating_without_a_database_says_what_to_do(box: Box) -> None:
    stop_server(box.postgres)
    process = box.migrate()
    _, words = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "PostgreSQL" in words
    assert "Traceback" not in words
