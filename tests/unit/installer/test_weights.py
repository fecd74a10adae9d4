import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file  # pyright: ignore[reportUnknownVariableType]
from typer.testing import CliRunner

from appliance.weights.store import WeightStore
from installer.commands.weights import app
from installer.commands.weights_import import hub_place
from installer.job_watch import progress_line

runner = CliRunner()


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("APPLIANCE_HOME", str(tmp_path / "home"))
    folder = tmp_path / "model"
    folder.mkdir()
    save_file({"w": np.ones(64, dtype=np.float32)}, folder / "model.safetensors")
    return folder


def test_damage_is_listed_named_and_mended(source: Path, tmp_path: Path) -> None:
    published = WeightStore(tmp_path / "home" / "weights").publish(source)
    listed = json.loads(runner.invoke(app, ["list", "--json"]).stdout)
    assert listed["versions"][0]["digest"] == published.digest
    assert runner.invoke(app, ["verify", published.digest[:8]]).exit_code == 0
    damaged = published.path / "model.safetensors"
    damaged.chmod(0o600)
    damaged.write_bytes(b"x")
    found = runner.invoke(app, ["verify", published.digest[:8], "--json"])
    assert found.exit_code == 1
    assert json.loads(found.stdout)["damaged"][0]["path"] == "model.safetensors"
    assert runner.invoke(app, ["repair", published.digest, str(source)]).exit_code == 0


def test_leftovers_are_collected_without_the_appliance(source: Path, tmp_path: Path) -> None:
    store = WeightStore(tmp_path / "home" / "weights")
    orphan = store.blobs.path("0" * 64)
    orphan.parent.mkdir(parents=True)
    orphan.write_bytes(b"left over")
    published = store.publish(source)
    collected = json.loads(runner.invoke(app, ["gc", "--leftovers-only", "--json"]).stdout)
    assert collected["blobs"] == ["0" * 64]
    assert store.versions() == (published.digest,)


@pytest.mark.usefixtures("source")
def test_an_unknown_version_is_said() -> None:
    assert runner.invoke(app, ["verify", "abc"]).exit_code == 1


def test_progress_says_bytes_speed_time_and_file() -> None:
    progress = {"done_bytes": 2**30, "total_bytes": 2**32, "bytes_per_second": 1e8, "seconds_left": 3700.0}
    assert progress_line({**progress, "file": "a"}) == "1.00 GiB of 4.00 GiB, 100 MB/s, 1 h 01 min left, a"
    assert progress_line({}) == "waiting for a worker"


def test_a_hub_is_huggingface_unless_said() -> None:
    assert hub_place(None, repository="a/b", revision=None, endpoint=None)["hub"] == "huggingface"
