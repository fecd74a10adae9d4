"""The keeper ends the engine's whole group whenever its replica goes, and keeps the log small."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from appliance.engines import keeper
from tests.fixtures.waiting import wait_until

# An engine with a child, as vLLM has them; it says the child's pid and then ignores SIGTERM if it is told to.
ENGINE = """
import signal, subprocess, sys, time
if "stubborn" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-I", "-S", "-c", "import time; time.sleep(600)"])
print("child", child.pid, flush=True)
if "talkative" in sys.argv:
    for number in range(2000):
        print("line", number, flush=True)
if "short" not in sys.argv:
    time.sleep(600)
"""
LOG_BYTES = 4096


class Kept:
    """A keeper with its fake engine."""

    def __init__(self, log: Path, *words: str) -> None:
        self.log = log
        engine = [sys.executable, "-I", "-S", "-c", ENGINE, *words]
        options = [f"--log={log}", f"--log-bytes={LOG_BYTES}", "--grace-seconds=0.3"]
        self.keeper = subprocess.Popen(
            [sys.executable, "-I", "-S", str(keeper.__file__), *options, "--", *engine],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.keeper.stdout is not None
        self.engine = psutil.Process(int(self.keeper.stdout.readline()))

    def child(self) -> psutil.Process:
        while not (children := self.engine.children()):
            assert self.keeper.poll() is None
        return children[0]

    def close(self) -> int:
        assert self.keeper.stdin is not None
        self.keeper.stdin.close()
        return self.keeper.wait(timeout=20)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "engine.log"


@pytest.fixture
def started() -> "Iterator[list[Kept]]":
    kept: list[Kept] = []
    yield kept
    for one in kept:
        one.keeper.kill()
        one.keeper.wait()


def is_gone(process: psutil.Process) -> bool:
    """Soon: what was sent SIGKILL still stands in /proc for a moment."""
    wait_until(lambda: ended(process), what=f"{process} is gone", seconds=5)
    return True


def ended(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("kind", ["gentle", "stubborn"])
def test_the_group_ends_with_the_replica(log: Path, started: list[Kept], kind: str) -> None:
    kept = Kept(log, kind)
    started.append(kept)
    child = kept.child()
    kept.close()
    assert is_gone(kept.engine)
    assert is_gone(child)


def test_sigterm_to_the_keeper_ends_the_group(log: Path, started: list[Kept]) -> None:
    kept = Kept(log)
    started.append(kept)
    child = kept.child()
    kept.keeper.terminate()
    kept.keeper.wait(timeout=20)
    assert is_gone(kept.engine)
    assert is_gone(child)


def test_a_killed_keeper_takes_the_engine_along(log: Path, started: list[Kept]) -> None:
    kept = Kept(log)
    started.append(kept)
    child = kept.child()
    kept.keeper.kill()
    kept.keeper.wait()
    psutil.wait_procs([kept.engine], timeout=20)
    assert is_gone(kept.engine)
    child.kill()


def test_an_engine_that_ends_leaves_no_child(log: Path, started: list[Kept]) -> None:
    kept = Kept(log, "short")
    started.append(kept)
    assert kept.keeper.wait(timeout=20) == 0
    child = int(log.read_text().split()[1])
    assert not psutil.pid_exists(child) or is_gone(psutil.Process(child))


def test_the_engine_leads_a_group_of_its_own(log: Path, started: list[Kept]) -> None:
    kept = Kept(log)
    started.append(kept)
    assert os.getpgid(kept.engine.pid) == kept.engine.pid
    kept.close()


def test_the_log_is_bounded_and_ends_with_the_last_words(log: Path, started: list[Kept]) -> None:
    kept = Kept(log, "talkative", "short")
    started.append(kept)
    kept.keeper.wait(timeout=20)
    files = sorted(log.parent.glob("engine.log*"))
    assert [one.name for one in files] == ["engine.log", "engine.log.1"]
    assert sum(one.stat().st_size for one in files) < 2 * LOG_BYTES + keeper.CHUNK_BYTES * 2
    assert log.read_text().splitlines()[-1:] == ["line 1999"] or files[1].read_text().endswith("line 1999\n")
