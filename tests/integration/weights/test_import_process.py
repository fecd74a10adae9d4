"""The import job's work as its process runs it: settings from the environment, a hub's place from the spec."""

import os
from pathlib import Path

import pytest

from appliance.base.errors import BadRequest
from appliance.weights.store import WeightStore
from control_plane.jobs.process_entry import Report
from control_plane.versions.run_import import run_import
from tests.fixtures.hub_mirror import Mirror, running_mirror

SECRET = "hf_from_a_file"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("APPLIANCE_HOME", str(tmp_path / "home"))
    (tmp_path / "token").write_text(f"{SECRET}\n")
    monkeypatch.setenv("APPLIANCE_IMPORTS__HUGGINGFACE_TOKEN_FILE", str(tmp_path / "token"))
    return tmp_path / "home"


def spec_of(mirror: Mirror) -> dict[str, object]:
    place = {"hub": "huggingface", "repository": "maker/model", "revision": "main", "endpoint": mirror.url}
    return {"version_id": "ver-x", "model_name": "m", "hub": place}


def test_a_mirror_that_the_admin_allowed_is_read_with_the_token_of_the_box(
    home: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APPLIANCE_IMPORTS__ALLOWED_HOSTS", "127.0.0.1")
    reader, writer = os.pipe()
    with running_mirror(model_folder) as mirror:
        result = run_import(spec_of(mirror), Report(writer))
    assert result["max_model_len"] == 1234
    assert mirror.tokens == {f"Bearer {SECRET}"}
    reported = os.read(reader, 65536).decode()
    os.close(reader)
    assert '"total_bytes": ' in reported
    assert SECRET not in reported + str(result)
    assert WeightStore(home / "weights").verify(str(result["digest"])) == []


def test_one_that_is_not_allowed_hears_nothing(home: Path, model_folder: Path) -> None:
    reader, writer = os.pipe()
    with running_mirror(model_folder) as mirror, pytest.raises(BadRequest, match="not reached by https"):
        run_import(spec_of(mirror), Report(writer))
    os.close(reader)
    assert mirror.tokens == set()
    assert not list(home.rglob("MANIFEST.json"))
