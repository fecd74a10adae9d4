"""Fixtures that several areas share; each lives in `tests/fixtures/`.

`./test` runs two workers (pytest-xdist): one takes all tests that start engines, Ray or a whole appliance, in their
order and one at a time; the other takes the rest meanwhile.
"""

import os
from pathlib import Path

import pytest

pytest_plugins = [
    "tests.fixtures.postgres",
    "tests.fixtures.admin_api",
    "tests.fixtures.redis",
    "tests.fixtures.workers",
    "tests.fixtures.fake_serve",
    "tests.fixtures.stack",
]

for size in ("COLUMNS", "LINES"):
    os.environ.pop(
        size, None
    )  # a worker has both; they would fix the width of every console before a test can say its own

TESTS = Path(__file__).parent
HEAVY = tuple(
    TESTS / name for name in ("clients", "faults", "integration/stack", "integration/serving", "integration/engines")
)


@pytest.hookimpl(tryfirst=True)  # before xdist reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if any(item.path.is_relative_to(folder) for folder in HEAVY):
            item.add_marker(pytest.mark.xdist_group("heavy"))
