"""`appliance weights export|import|inspect|...` and `appliance jobs` against the admin API, with a real worker."""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI
from typer.testing import CliRunner

from appliance.base.settings import Settings
from installer import job_watch
from installer.cli import app
from tests.fixtures.two_boxes import VOLUME_BYTES, Box, trusting, write_model
from tests.fixtures.waiting import wait_until
from tests.integration.control_plane.modelpacks.conftest import Yard, stopping_at_second_volume

Run = Callable[..., str]


@pytest.fixture
def appliance(
    application: FastAPI, database_settings: Settings, yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Run]:
    """Runs a command, which is to end with this exit code, while jobs are dispatched."""
    home = database_settings.paths
    monkeypatch.setenv("APPLIANCE_HOME", str(home.root))
    monkeypatch.setattr(job_watch, "POLL_SECONDS", 0.1)
    server = uvicorn.Server(uvicorn.Config(application, uds=str(home.api_socket), log_config=None))
    ended = threading.Event()

    def dispatch() -> None:
        while not ended.wait(0.2):
            yard.bench.reconciler.run()

    threads = [threading.Thread(target=server.run), threading.Thread(target=dispatch)]
    for thread in threads:
        thread.start()
    wait_until(lambda: server.started, what="the API listens", seconds=20)

    def run(*words: object, code: int = 0) -> str:
        outcome = CliRunner().invoke(app, [*map(str, words)], env={"COLUMNS": "300"})
        assert outcome.exit_code == code, outcome.output
        return "\n".join(line for line in outcome.output.splitlines() if "request_was_answered" not in line)

    yield run
    ended.set()
    server.should_exit = True
    for thread in threads:
        thread.join(timeout=20)


def test_a_model_goes_to_another_box_and_one_comes_back(appliance: Run, there: Box, tmp_path: Path) -> None:
    appliance("weights", "import", "own-model", write_model(tmp_path / "source"))
    said = appliance("weights", "export", "own-model", tmp_path / "usb")
    assert said.startswith(f"{tmp_path / 'usb'}: 0.00 GiB, artifact ")
    key = tmp_path / "this.pem"
    shown = appliance("weights", "signing-keys", "show", "--out", key)
    identity = there.keyring.trust(key.read_bytes())
    assert identity in said
    assert identity in shown
    own = there.store.versions()[0]
    assert there.take(tmp_path / "usb").digest != own
    layout, theirs = tmp_path / "theirs-only", tmp_path / "theirs.pem"
    there.export(own, layout)
    theirs.write_bytes(there.keyring.public_pem())
    their_id = str(there.keyring.own_id())
    assert "not trusted here" in appliance("weights", "inspect", layout)
    assert "not trusted here" in appliance("weights", "import", "their-model", "--modelpack", layout, code=1)
    assert their_id in appliance("weights", "signing-keys", "trust", theirs)
    assert "which is trusted here" in appliance("weights", "inspect", layout)
    assert appliance("weights", "import", "their-model", "--modelpack", layout).endswith("of their-model: ready")
    assert json.loads(appliance("weights", "inspect", layout, "--json"))["is_here"] is True
    listed = json.loads(appliance("weights", "signing-keys", "list", "--json"))["signing_keys"]
    assert [item["own"] for item in listed] == [True, False]
    appliance("weights", "signing-keys", "distrust", their_id)
    assert "signing keys" in appliance("weights", "signing-keys", "distrust", their_id, code=1)
    assert own not in appliance("weights", "gc", "--dry-run")


def test_volumes_of_what_the_other_lacks(appliance: Run, there: Box, yard: Yard, tmp_path: Path) -> None:
    version = yard.ready_version()
    assert "files of whole versions" in appliance("weights", "inventory", tmp_path / "own.inventory")
    half = tmp_path / "half.inventory"
    lines = (tmp_path / "own.inventory").read_text().splitlines()
    small = {path.name for path in yard.box.store.blobs.root.glob("*/*") if path.stat().st_size < 100}
    half.write_text("\n".join(line for line in lines if line.startswith("#") or line in small))
    words = ("weights", "export", version["digest"][:12], tmp_path / "usb", "--volume-size", "160KiB")
    done = json.loads(appliance(*words, "--lacking", half, "--json"))
    assert done["version"]["id"] == version["id"]
    assert done["job"]["result"]["left_out"] == 4
    assert [volume["number"] for volume in done["job"]["result"]["written"]] == [1, 2, 3]
    trusting(there, other=yard.box)
    said = appliance("weights", "import", "x", "--modelpack", tmp_path / "usb" / "volume-001", "--no-wait")
    assert said.endswith("importing")
    assert "names 0 versions" in appliance("weights", "export", "nobody", tmp_path / "usb", code=1)
    assert "no size" in appliance("weights", "export", "moving", tmp_path / "u", "--volume-size", "many", code=1)


def test_jobs_are_listed_shown_and_cancelled(appliance: Run, yard: Yard, tmp_path: Path) -> None:
    version = yard.ready_version()
    with stopping_at_second_volume(tmp_path / "usb") as target:
        words = ("weights", "export", version["id"], target, "--volume-size", f"{VOLUME_BYTES // 1024}KiB")
        job_id = appliance(*words, "--no-wait").split(":")[0]
        wait_until((target / "volume-001" / "INDEX.json").is_file, what="the first volume", seconds=30)
        running = json.loads(appliance("jobs", "list", "--state", "running", "--kind", "export_model", "--json"))
        assert [job["id"] for job in running["jobs"]] == [job_id]
        assert job_id in appliance("jobs", "list")
        shown = appliance("jobs", "show", job_id)
        assert "asked: volume_bytes" in shown
        assert "claimed" in shown
        assert "ends within a few seconds" in appliance("jobs", "cancel", job_id)
        wait_until(lambda: yard.job(job_id)["state"] == "cancelled", what="the job is cancelled", seconds=30)
        assert "job-0" in appliance("jobs", "show", "job-0", code=1)


def test_a_registry_needs_its_host_allowed_and_its_password_kept(
    appliance: Run, yard: Yard, database_settings: Settings
) -> None:
    place = ("--registry", "127.0.0.1:5000/models/m:v1", "--plain-http")
    assert "not reached by https" in appliance("weights", "import", "m", *place, code=1)
    yard.ready_version()
    assert "not reached by https" in appliance("weights", "export", "moving", *place, code=1)
    assert "are for a --registry" in appliance("weights", "inspect", "/x", "--plain-http", code=1)
    said = appliance("weights", "registry-login", "Registry.example:5000", "--password", "a secret")
    path = database_settings.paths.registry_passwords / "registry.example:5000"
    assert str(path) in said
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("a secret\n", 0o600)
    assert "no registry's host" in appliance("weights", "registry-login", "../up", "--password", "x", code=1)
