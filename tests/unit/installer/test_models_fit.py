"""`appliance models fit` as a person meets it; it needs no running appliance."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from installer.cli import app
from model_catalog.bundled import SAILS_GUIDE

runner = CliRunner()


@pytest.fixture(autouse=True)
def no_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APPLIANCE_HOME", str(tmp_path / "nothing"))


def fit(*words: str) -> str:
    outcome = runner.invoke(app, ["models", "fit", *words], env={"COLUMNS": "250"})
    assert outcome.exit_code == 0, outcome.output
    return outcome.output


def test_the_sum_is_shown_line_by_line() -> None:
    shown = fit("qwen3-8b", "--on", "h100", "--context", "8192")
    assert "weights" in shown
    assert "15.26 GiB" in shown
    assert "needed per card" in shown
    assert "36 full-attention layers" in shown
    assert "Fits." in shown


def test_what_is_missing_and_the_nearest_change_are_said() -> None:
    shown = fit("glm-4.5", "--on", "h100", "--cards", "8", "--context", "8192")
    assert "Does not fit:" in shown
    assert "per card are missing" in shown
    assert "Nearest change: 16 cards" in shown


def test_without_a_card_all_are_listed() -> None:
    document = json.loads(fit("qwen3-8b", "--json"))
    verdicts = {row["card"]: row["fits"] for row in document["cards"]}
    assert verdicts["h100-80g"]
    assert len(verdicts) >= 25


def test_json_has_the_items() -> None:
    document = json.loads(
        fit("ernie-4.5-300b-a47b", "--on", "p800", "--cards", "4", "--quantization", "wint4", "--json")
    )
    assert document["tensor_parallel_size"] == 4
    assert document["decided_by"] == "validated row"
    assert sum(item["bytes"] for item in document["items"]) == document["needed_bytes"]
    assert (document["engine"], document["servable"]) == ("FastDeploy", False)


def test_a_form_that_no_pack_runs_is_summed_and_said_not_to_be_served() -> None:
    shown = fit("ernie-4.5-300b-a47b", "--on", "p800", "--cards", "4", "--quantization", "wint4")
    assert "Only FastDeploy runs this form (wint4)." in shown
    assert "There is no engine pack for FastDeploy: the appliance cannot serve this form." in shown
    assert "engine pack for" not in fit("qwen3-8b", "--on", "h100")
    assert json.loads(fit("qwen3-8b", "--on", "h100", "--json"))["servable"]


def test_a_folder_and_this_machine() -> None:
    shown = fit(str(SAILS_GUIDE / "weights"), "--on", "cpu")
    assert "headers of 1 safetensors files" in shown
    assert "Fits." in shown


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nobody"], "have a model `nobody`"),
        (["qwen3-8b", "--on", "tpu"], "knows no card `tpu`"),
        (["qwen3-8b", "--on", "h100", "--cards", "3"], "cannot be divided over 3 cards"),
        (["qwen3-8b", "--quantization", "int3"], "quantization `int3`"),
    ],
)
def test_what_is_wrong_is_a_sentence(words: list[str], said: str) -> None:
    outcome = runner.invoke(app, ["models", "fit", *words])
    assert outcome.exit_code == 1
    assert said in outcome.output.replace("\n", " ")


def test_models_alone_still_lists_the_catalogue_of_a_running_appliance() -> None:
    outcome = runner.invoke(app, ["models", "--json"])
    assert outcome.exit_code == 1
    assert "Traceback" not in outcome.output
