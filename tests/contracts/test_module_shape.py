"""CONVENTIONS.md, Size and Names: modules stay small, and no file or class is called by a word that means nothing."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ("appliance", "control_plane", "installer", "model_catalog", "benchmarks")
MAX_LINES = 400
MAX_TEST_LINES = 600
# May only shrink.
LONGER_BY_EXCEPTION: set[str] = set()
MEANINGLESS = {"manager", "helper", "helpers", "util", "utils", "common", "handler", "data", "info", "misc"}


def python_files(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


def words(name: str) -> set[str]:
    """`KeyManager` and `key_manager` both hold the words key and manager."""
    return {part.lower() for part in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)}


def test_modules_are_short() -> None:
    too_long = {
        str(path.relative_to(ROOT)): lines
        for path in python_files(*SOURCE, "tests")
        if (lines := len(path.read_text().splitlines())) > (MAX_TEST_LINES if "tests" in path.parts else MAX_LINES)
    }
    assert set(too_long) == LONGER_BY_EXCEPTION, f"Split these, or shrink the list of exceptions: {too_long}"


def test_no_file_or_class_has_a_meaningless_name() -> None:
    found: list[str] = []
    for path in python_files(*SOURCE):
        if words(path.stem) & MEANINGLESS:
            found.append(str(path.relative_to(ROOT)))
        tree = ast.parse(path.read_text())
        found.extend(
            f"{path.relative_to(ROOT)}: class {node.name}"
            for node in ast.walk(tree)
            if isinstance(node, ast.ClassDef) and words(node.name) & MEANINGLESS
        )
    assert not found


def test_every_package_says_what_it_is() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in python_files(*SOURCE)
        if path.name == "__init__.py" and ast.get_docstring(ast.parse(path.read_text())) is None
    ]
    assert not silent, f"Give these packages a docstring of up to five lines: {silent}"


@pytest.mark.parametrize(("name", "expected"), [("KeyManager", {"key", "manager"}), ("db_utils", {"db", "utils"})])
def test_words_splits_both_spellings(name: str, expected: set[str]) -> None:
    assert words(name) == expected
