"""docs/hardware.md names the registry's vendors, what the modules go by, and what the code prints."""

import platform
from pathlib import Path

import pytest
from typer.testing import CliRunner

from appliance.hardware.vendors.registry import REGISTRY
from installer.cli import app
from tests.fixtures.hardware_world import FakeMachine
from tests.fixtures.replayed_nodes import NODES, build

PAGE = Path(__file__).resolve().parents[2] / "docs/hardware.md"
TABLES = 3


def tables() -> list[list[list[str]]]:
    """The rows of each table whose first column is `Vendor`, without their heads."""
    found: list[list[list[str]]] = []
    lines = PAGE.read_text().splitlines()
    for start, line in enumerate(lines):
        if line.startswith("| Vendor |"):
            rows: list[list[str]] = []
            for row in lines[start + 2 :]:
                if not row.startswith("|"):
                    break
                rows.append([cell.strip() for cell in row.strip("|").split("|")])
            found.append(rows)
    return found


def test_each_table_names_the_vendors_of_the_registry() -> None:
    names = [[row[0] for row in rows] for rows in tables()]
    assert names == [[entry.name for entry in REGISTRY]] * TABLES


def test_the_names_are_those_that_the_modules_go_by(tmp_path: Path) -> None:
    rows = {row[0]: row[1:] for row in tables()[0]}
    for entry in REGISTRY:
        pci_id, library, tool, kubernetes, variable = rows[entry.name]
        node = NODES[entry.name]
        assert (pci_id,) == entry.pci_ids
        assert library.split()[0] == Path(node.shared_library).name
        assert node.tool in tool
        machine = FakeMachine(tmp_path / entry.name)
        node.plug(machine)
        node.install(machine)
        selectors = node.detect(machine).accelerators[0].selectors
        assert kubernetes.split()[0] == selectors.kubernetes
        assert [variable] == list(selectors.process)


@pytest.mark.parametrize("options", [[], ["--topology"]], ids=["table", "picture"])
def test_the_example_is_what_the_code_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    monkeypatch.setattr(platform, "node", lambda: "node-1")
    monkeypatch.setattr(platform, "release", lambda: "6.8.0")
    build("kunlunxin", tmp_path)
    outcome = CliRunner().invoke(app, ["hardware", *options, "--root", str(tmp_path)], env={"COLUMNS": "150"})
    printed = "\n".join(line.rstrip() for line in outcome.output.splitlines()).strip()
    assert printed in PAGE.read_text()
