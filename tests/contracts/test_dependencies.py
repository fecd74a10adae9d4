"""docs/dependencies.md names every direct dependency, sorted, with the licence that the installed package states."""

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROW = re.compile(r"^\| (?P<name>[a-z0-9-]+) \| (?P<licence>[^|]+) \| [^|]+ \| [^|]+ \|$", re.MULTILINE)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DIRECT = {
    "Core": PROJECT["dependencies"],
    "Development": [line for group in PROJECT["optional-dependencies"].values() for line in group],
}


def rows(section: str) -> dict[str, str]:
    page = (ROOT / "docs" / "dependencies.md").read_text()
    text = page.partition(f"## {section}\n")[2].partition("\n## ")[0]
    return {row["name"]: row["licence"].strip() for row in ROW.finditer(text) if row["name"] != "package"}


def names(requirements: list[str]) -> list[str]:
    return [re.split(r"[\[<>=~! ]", line)[0].lower() for line in requirements]


def stated(package: str) -> str:
    """All that the installed package says of its licence, letters and digits only."""
    found = metadata.metadata(package)
    classifiers = [line for line in found.get_all("Classifier", []) if line.startswith("License")]
    lines = [*found.get_all("License-Expression", []), *found.get_all("License", []), *classifiers]
    return re.sub(r"[^a-z0-9]", "", " ".join(lines).lower())


@pytest.mark.parametrize("section", DIRECT)
def test_every_direct_dependency_is_listed_and_sorted(section: str) -> None:
    assert list(rows(section)) == sorted(names(DIRECT[section]))


@pytest.mark.parametrize("section", DIRECT)
def test_licences_are_those_of_the_packages(section: str) -> None:
    for package, licence in rows(section).items():
        family = re.split(r"[- ]", licence)[0].lower()
        assert family in stated(package), f"{package}: the page says {licence}, the package {stated(package)}"
