"""docs/operations/cli.md and settings.md are what the code says now."""

from pathlib import Path

import pytest

from appliance.base.settings import known_variables
from installer.reference_pages import pages, settings_page

OPERATIONS = Path(__file__).resolve().parents[2] / "docs" / "operations"


@pytest.mark.parametrize("name", ["cli.md", "settings.md"])
def test_page_is_fresh(name: str) -> None:
    assert (OPERATIONS / name).read_text() == pages()[name], "Run: .venv/bin/appliance reference docs/operations"


def test_every_setting_has_a_row_with_a_meaning() -> None:
    rows = [line.split(" | ") for line in settings_page().splitlines() if line.startswith("| `APPLIANCE_")]
    groups = {name.rpartition("__")[0] for name in known_variables() if "__" in name}
    assert {row[0].strip("|` ") for row in rows} == known_variables() - groups
    assert all(row[-1].strip("| ") for row in rows)
