"""The box of the tests' database, with a real worker, and a second box that only has files."""

import json
import os
import signal
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from fastapi.testclient import TestClient
from safetensors.numpy import save_file  # pyright: ignore[reportUnknownVariableType]

from appliance.base.secret_files import Secret, read_secret
from appliance.base.settings import Settings
from tests.fixtures.two_boxes import Box, write_model
from tests.fixtures.waiting import wait_until
from tests.fixtures.workers import JobBench

Connect = Callable[[str | None], TestClient]
ENDED = ("succeeded", "failed", "cancelled")


class Yard:
    """What the tests do all the time: post, wait for the job's end, hold or kill its process."""

    def __init__(self, bench: JobBench, admin: TestClient, settings: Settings, folder: Path) -> None:
        self.bench = bench
        self.admin = admin
        self.settings = settings
        self.box = Box(settings.paths.root)
        self.folder = folder

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self.admin.post(f"/api/v1{path}", json=body)
        assert answer.status_code == 202, answer.text
        return answer.json()

    def job(self, job_id: str) -> dict[str, Any]:
        return self.admin.get(f"/api/v1/jobs/{job_id}").json()

    def end_of(self, answer: dict[str, Any]) -> dict[str, Any]:
        job_id = answer["job"]["id"]

        def ended() -> bool:
            self.bench.reconciler.run()
            return self.job(job_id)["state"] in ENDED

        wait_until(ended, what="the job ends", seconds=60)
        return self.job(job_id)

    def version(self, answer: dict[str, Any]) -> dict[str, Any]:
        return self.admin.get(f"/api/v1/versions/{answer['version']['id']}").json()

    def ready_version(self) -> dict[str, Any]:
        """Imported by the first test of a module that asks for it."""
        for version in self.admin.get("/api/v1/versions", params={"model": "moving"}).json()["data"]:
            return version
        answer = self.post("/imports", {"name": "moving", "source_path": str(write_model(self.folder / "source"))})
        assert self.end_of(answer)["state"] == "succeeded"
        return self.version(answer)

    def export(self, version: dict[str, Any], **body: Any) -> dict[str, Any]:
        return self.post("/exports", {"version_id": version["id"], **body})

    def take(self, name: str, *places: Path, **rest: Any) -> dict[str, Any]:
        modelpack = {"places": [str(place) for place in places], **rest}
        return self.post("/imports", {"name": name, "modelpack": modelpack})

    def trust(self, box: Box) -> str:
        answer = self.admin.post("/api/v1/signing-keys", json={"public_key": box.keyring.public_pem().decode()})
        assert answer.status_code == 200, answer.text
        return answer.json()["id"]

    def wait_until_running(self, answer: dict[str, Any], *, what: str, reached: Callable[[], bool]) -> None:
        def there() -> bool:
            self.bench.reconciler.run()
            return self.job(answer["job"]["id"])["state"] == "running" and reached()

        wait_until(there, what=what, seconds=60)

    def kill_process_of(self, module: str) -> None:
        """SIGKILL to the running job's own process."""
        for worker in self.bench.workers:
            for child in psutil.Process(worker.pid).children(recursive=True):
                if module in child.cmdline():
                    os.kill(child.pid, signal.SIGKILL)
                    return
        raise AssertionError(f"no process of {module} runs")


@contextmanager
def stopping_at_second_volume(target: Path) -> Generator[Path]:
    """An export of volumes waits for ever at the second one, whose label is a pipe that nobody writes into."""
    label = target / "volume-002" / "VOLUME.json"
    label.parent.mkdir(parents=True)
    os.mkfifo(label)
    try:
        yield target
    finally:
        if label.is_fifo():
            label.unlink()


def let_go(target: Path) -> None:
    """What the pipe would have said, so that the export goes on."""
    label = json.loads((target / "volume-001" / "VOLUME.json").read_bytes())
    (target / "volume-002" / "VOLUME.json").write_text(json.dumps({**label, "volume": 2}))


@pytest.fixture
def yard(job_bench: JobBench, connect: Connect, database_settings: Settings, tmp_path: Path) -> Iterator[Yard]:
    admin = connect(read_secret(database_settings.paths, Secret.ADMIN_TOKEN))
    made = Yard(job_bench, admin, database_settings, tmp_path)
    job_bench.start_worker()
    yield made
    for identity in made.box.keyring.trusted_ids():
        made.box.keyring.distrust(identity)


@pytest.fixture
def there(tmp_path: Path) -> Box:
    """A box elsewhere, which has a model that nobody else has: the tests' stores live longer than one test."""
    box = Box(tmp_path / "there")
    folder = write_model(tmp_path / "theirs")
    save_file({"more": np.random.default_rng().random(80_000, dtype=np.float32)}, folder / "more.safetensors")
    (folder / "config.json").write_text('{"architectures": ["LlamaForCausalLM"], "max_position_embeddings": 77}')
    box.store.publish(folder)
    return box
