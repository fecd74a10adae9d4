"""The command line as a person meets it: every command explains itself, and our errors are sentences."""

from pathlib import Path

import pytest
import typer.main
from typer.core import TyperCommand, TyperGroup
from typer.testing import CliRunner

from installer.cli import app
from installer.reference_pages import visible_commands

EXPECTED = {
    "appliance up",
    "appliance down",
    "appliance status",
    "appliance logs",
    "appliance doctor",
    "appliance version",
    "appliance hardware",
    "appliance nodes list",
    "appliance nodes drain",
    "appliance nodes undrain",
    "appliance models",
    "appliance models fit",
    "appliance models here",
    "appliance models add",
    "appliance models remove",
    "appliance models show",
    "appliance models update",
    "appliance weights import",
    "appliance weights list",
    "appliance weights verify",
    "appliance weights repair",
    "appliance weights gc",
    "appliance weights export",
    "appliance weights inspect",
    "appliance weights inventory",
    "appliance weights registry-login",
    "appliance weights signing-keys list",
    "appliance weights signing-keys show",
    "appliance weights signing-keys trust",
    "appliance weights signing-keys distrust",
    "appliance jobs list",
    "appliance jobs show",
    "appliance jobs cancel",
    "appliance serve list",
    "appliance serve deploy",
    "appliance serve places",
    "appliance serve scale",
    "appliance serve stop",
    "appliance engines list",
    "appliance engines show",
    "appliance engines install",
    "appliance engines check",
    "appliance licence request",
    "appliance licence trust",
    "appliance licence apply",
    "appliance licence list",
    "appliance licence show",
    "appliance routes list",
    "appliance routes show",
    "appliance routes set",
    "appliance routes weight",
    "appliance routes remove",
    "appliance endpoints list",
    "appliance endpoints add",
    "appliance endpoints remove",
    "appliance chat",
    "appliance keys create",
    "appliance keys list",
    "appliance keys revoke",
    "appliance keys rotate",
    "appliance users list",
    "appliance users add",
    "appliance users role",
    "appliance users disable",
    "appliance users enable",
    "appliance users password",
    "appliance projects list",
    "appliance projects add",
    "appliance projects archive",
    "appliance projects members",
    "appliance service-accounts list",
    "appliance service-accounts add",
    "appliance service-accounts remove",
    "appliance audit list",
    "appliance audit verify",
    "appliance audit export",
}
runner = CliRunner()


def commands() -> dict[str, TyperCommand | TyperGroup]:
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    return dict(visible_commands(root, path=("appliance",)))


def test_the_commands() -> None:
    assert set(commands()) == EXPECTED


@pytest.mark.parametrize("path", sorted(EXPECTED))
def test_every_command_has_help_with_an_example_of_itself(path: str) -> None:
    assert f"Example: `{path}" in (commands()[path].help or "")


@pytest.mark.parametrize(
    "path", ["up", "status", "doctor", "version", "hardware", "models", "models fit", "serve list", "keys list"]
)
def test_what_prints_facts_prints_json(path: str) -> None:
    assert "--json" in [name for parameter in commands()[f"appliance {path}"].params for name in parameter.opts]


def test_version_runs_without_a_home() -> None:
    assert runner.invoke(app, ["version"]).output.startswith("Thousand Sails ")


@pytest.mark.parametrize("command", [["status"], ["models"], ["keys", "list"], ["serve", "list"]])
def test_without_a_home_it_says_so_and_exits_1(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APPLIANCE_HOME", str(tmp_path / "nothing"))
    outcome = runner.invoke(app, command)
    assert outcome.exit_code == 1
    assert "Traceback" not in outcome.output


def test_a_misspelt_setting_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APPLIANCE_HOME", str(tmp_path))
    monkeypatch.setenv("APPLIANCE_HTTP__PROT", "1")
    outcome = runner.invoke(app, ["status"])
    assert outcome.exit_code == 1
    assert "Unknown setting: APPLIANCE_HTTP__PROT." in outcome.output
