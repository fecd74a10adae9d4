"""Fixtures that several areas share; each lives in `tests/fixtures/`."""

pytest_plugins = [
    "tests.fixtures.postgres",
    "tests.fixtures.admin_api",
    "tests.fixtures.redis",
    "tests.fixtures.workers",
    "tests.fixtures.fake_serve",
    "tests.fixtures.stack",
]
