"""Processes of an engine whose replica is gone are found by their environment, and only they."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.base.child_env import HOME_MARK
from appliance.base.paths import Home
from appliance.serving.strays import end_strays, find_strays, marks_of

SLEEPER = [sys.executable, "-I", "-S", "-c", "import sys; sys.stdin.read()"]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def start(env: dict[str, str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(SLEEPER, stdin=subprocess.PIPE, env=env)


@pytest.fixture
def engines(home: Home, tmp_path: Path) -> "Iterator[dict[str, subprocess.Popen[bytes]]]":
    """Engines of a living replica, of one that is gone, and of another home; and a process that is no engine."""
    with subprocess.Popen([sys.executable, "-c", "pass"]) as replica:
        of_gone = marks_of(home, replica_pid=replica.pid)
    processes = {
        "living": start(marks_of(home, replica_pid=os.getpid())),
        "stray": start(of_gone),
        "no engine": start({HOME_MARK: home.key}),
        "other home": start({**of_gone, HOME_MARK: Home(tmp_path / "other").key}),
    }
    yield processes
    for process in processes.values():
        process.kill()
        process.communicate()


def test_only_the_stray_is_found_and_ended(home: Home, engines: "dict[str, subprocess.Popen[bytes]]") -> None:
    assert [stray.pid for stray in find_strays(home)] == [engines["stray"].pid]
    end_strays(home)
    assert engines["stray"].wait(timeout=10) < 0
    assert engines["living"].poll() is None
    assert engines["no engine"].poll() is None
    assert engines["other home"].poll() is None
    assert find_strays(home) == []
