"""Where `models fit` and `models here` take entries from: a file, the release, or (integration tests) the admin API."""

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from appliance.base.errors import BadRequest
from appliance.base.paths import Home
from installer.cli import app
from installer.known_entries import SHIPPED_ONLY, entries_of_file, known_entries, only_entry
from model_catalog.catalogue import load_catalogue
from tests.fixtures.catalogue_entries import raw_entry

runner = CliRunner()


@pytest.fixture(autouse=True)
def no_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APPLIANCE_HOME", str(tmp_path / "nothing"))


@pytest.fixture
def two(tmp_path: Path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump([raw_entry("a"), raw_entry("b")]))
    return path


def run(*words: str, code: int = 0) -> str:
    outcome = runner.invoke(app, ["models", *words], env={"COLUMNS": "250"})
    assert outcome.exit_code == code, outcome.output
    return outcome.output


def test_without_a_running_appliance_the_shipped_ones_are_known_and_that_is_said(tmp_path: Path) -> None:
    found = known_entries(Home(tmp_path / "nothing"))
    assert found.entries == load_catalogue()
    assert found.note == SHIPPED_ONLY
    assert SHIPPED_ONLY in run("here")
    assert SHIPPED_ONLY in run("fit", "no-such-model", code=1)


def test_the_entry_of_a_file_is_meant_by_its_name(two: Path) -> None:
    found = entries_of_file(two)
    assert only_entry(found, path="x", name="b").name == "b"
    with pytest.raises(BadRequest, match="has 2 entries") as refused:
        only_entry(found, path="x", name=None)
    assert "a, b" in str(refused.value.hint)
    with pytest.raises(BadRequest, match="no entry `c`"):
        only_entry(found, path="x", name="c")


def test_fit_and_here_take_a_file(two: Path) -> None:
    assert "Fits." in run("fit", str(two), "--entry", "a", "--on", "h100")
    assert "has 2 entries" in run("fit", str(two), "--on", "h100", code=1)
    document = json.loads(run("here", str(two), "--json"))
    assert [row["model"] for row in document["models"]] == ["a", "b"]
    assert document["note"] is None
