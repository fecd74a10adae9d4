"""`appliance models show|add|update` as a person meets them, as far as no running appliance is needed."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from installer.cli import app
from installer.commands.models import file_text, here_text, licence_text, mark
from model_catalog.admission import read_entries
from model_catalog.catalogue import load_catalogue
from model_catalog.schema import CatalogueEntry
from tests.fixtures.catalogue_entries import entry, raw_entry

runner = CliRunner()


@pytest.fixture(autouse=True)
def no_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APPLIANCE_HOME", str(tmp_path / "nothing"))


def said(*words: str) -> str:
    outcome = runner.invoke(app, ["models", *words], env={"COLUMNS": "250"})
    assert outcome.exit_code == 1, outcome.output
    return outcome.output


def test_what_is_shown_can_be_added(tmp_path: Path) -> None:
    mine = entry("a", publisher="说 [so]: yes")
    path = tmp_path / "mine.yaml"
    path.write_text(file_text(mine.model_dump(mode="json")))
    assert read_entries(path) == (mine,)


def test_every_shipped_entry_is_shown_whole() -> None:
    for shipped in load_catalogue().values():
        (document,) = yaml.safe_load(file_text(shipped.model_dump(mode="json")))
        assert CatalogueEntry.model_validate(document) == shipped


def test_a_wrong_file_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump([raw_entry("a", tusk=1)]))
    assert "mine.yaml: `a`: tusk: " in said("add", str(path))
    assert "cannot be read" in said("update", str(tmp_path / "nowhere"))
    path.write_bytes(b"x" * (5 * 1024**2))
    assert "at most 4 MiB" in said("update", str(path))


def test_marks_and_places() -> None:
    row: dict[str, Any] = {"origin": "custom", "overrides": False, "fits": None, "warnings": []}
    assert (mark(row), mark(row | {"overrides": True}), mark(row | {"origin": "release"})) == (
        "custom",
        "custom, overrides",
        "",
    )
    fits = {"verdict": "if_empty", "variant": "fp8", "product": "H100", "cards": 2}
    assert here_text(row | {"fits": fits}) == "if empty: fp8 on 2 x H100"
    assert here_text(row | {"fits": fits | {"cards": 0, "verdict": "now"}}) == "now: fp8 on processor"
    assert here_text(row) == "no"


def test_retirement_and_what_a_licence_asks_are_marked_in_the_list() -> None:
    row: dict[str, Any] = {
        "origin": "release",
        "overrides": False,
        "warnings": [{"code": "model_retires", "message": "It retires."}],
    }
    assert mark(row) == "retires soon"
    assert mark(row | {"origin": "update", "warnings": [{"code": "model_retired", "message": ""}]}) == "update, retired"
    assert mark(row | {"warnings": [{"code": "licence_conditions", "message": ""}]}) == ""
    texts = {name: licence_text(load_catalogue()[name].licence.model_dump(mode="json")) for name in SHOWN_LICENCES}
    assert texts == SHOWN_LICENCES


LEAVING = {"code": "model_retires", "message": "It retires."}
SHOWN_LICENCES = {
    "qwen3-8b": "Apache-2.0",
    "kimi-k2.6": "modified-MIT *",
    "jina-reranker-m0": "CC-BY-NC-4.0 (not commercial)",
}
