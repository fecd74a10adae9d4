"""Redis is private and durable, and keeps its mark readable."""

from pathlib import Path

import pytest

from appliance.base.paths import Home
from installer.setup.redis_config import render_redis


@pytest.mark.parametrize(
    "line",
    [
        "port 0",
        "unixsocketperm 700",
        "requirepass sesame",
        "appendonly yes",
        "appendfsync everysec",
        "maxmemory-policy noeviction",
        "set-proc-title no",
        "daemonize no",
    ],
)
def test_line(line: str) -> None:
    assert line in render_redis(Home(Path("/home/of a/test")), password="sesame").splitlines()


def test_a_blank_in_the_home_is_quoted() -> None:
    assert 'dir "/home/of a/test/redis"' in render_redis(Home(Path("/home/of a/test")), password="sesame")
