"""A real supervisord over tiny services: started, taken over, killed, adopted, brought down with nothing left."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from appliance.base.child_env import HOME_MARK, child_env
from appliance.base.paths import Home
from appliance.base.secret_files import Secret, ensure_secret
from installer.readiness import Runs
from installer.services import Service
from installer.setup.files import WrittenFile
from installer.supervision.client import Supervisor
from installer.supervision.lifecycle import bring_down, config_file, find_strays, start_supervisor
from installer.supervision.program_config import SupervisorFacts, render
from installer.supervision.strays import end, marked_processes
from installer.waiting import wait_until

DEADLINE = 30.0
# Starts a child in a session of its own, as engines are, and outlives nobody politely: only a signal ends it.
PARENT = (
    "import subprocess, sys, signal;"
    "subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()'], start_new_session=True);"
    "signal.pause()"
)


def fake_service(home: Home, name: str, *, config: str = "", ends_own_strays: bool = False) -> Service:
    return Service(
        name=name,
        purpose="",
        argv=(sys.executable, "-c", PARENT),
        env=child_env({HOME_MARK: home.key}),
        probe=Runs(),
        config=config,
        ends_own_strays=ends_own_strays,
    )


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path / "home")
    made.ensure()
    ensure_secret(made, Secret.SUPERVISOR_PASSWORD)
    yield made
    bring_down(made, say=lambda _: None)
    for left in made.run.iterdir():
        left.rmdir() if left.is_dir() else left.unlink()
    made.run.rmdir()


def configure(home: Home, *services: Service) -> None:
    user = "root" if os.geteuid() == 0 else None
    password = ensure_secret(home, Secret.SUPERVISOR_PASSWORD)
    facts = SupervisorFacts(password=password, open_files=256, run_as=user)
    WrittenFile(config_file(home), render(home, services=services, facts=facts)).write()


def start(home: Home, *names: str) -> Supervisor:
    supervisor = Supervisor(home)
    if supervisor.pid is None:
        start_supervisor(home)
    for name in names:
        supervisor.start(name)
    for name in names:
        wait_for_family(home, name)
    return supervisor


def family(home: Home, service: str) -> list[int]:
    return sorted(marked.process.pid for marked in marked_processes(home.key, service=service))


def wait_for_family(home: Home, service: str) -> None:
    wait_until(lambda: len(family(home, service)) == 2, seconds=DEADLINE, what=f"{service} and its child")


def test_down_leaves_no_process_behind(home: Home) -> None:
    configure(home, fake_service(home, "one"), fake_service(home, "two"))
    start(home, "one", "two")
    bring_down(home, say=lambda _: None)
    assert marked_processes(home.key) == []
    assert Supervisor(home).pid is None


def test_a_killed_service_comes_back(home: Home) -> None:
    configure(home, fake_service(home, "one"))
    supervisor = start(home, "one")
    (before,) = [process.pid for process in supervisor.processes()]
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: supervisor.processes()[0].pid not in {0, before}, seconds=DEADLINE, what="a new process")
    assert supervisor.processes()[0].state in {"STARTING", "RUNNING"}


def test_a_service_that_is_killed_finds_its_orphans_ended(home: Home) -> None:
    configure(home, fake_service(home, "one", ends_own_strays=True))
    supervisor = start(home, "one")
    before = family(home, "one")
    os.kill(supervisor.processes()[0].pid, signal.SIGKILL)
    wait_until(lambda: not set(before) & set(family(home, "one")), seconds=DEADLINE, what="the orphan to end")
    wait_for_family(home, "one")
    assert find_strays(home) == []


def test_a_killed_supervisor_leaves_strays_that_are_found_and_ended(home: Home) -> None:
    configure(home, fake_service(home, "one"))
    pid = start(home, "one").pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: Supervisor(home).pid is None, seconds=DEADLINE, what="the supervisor to be gone")
    strays = find_strays(home)
    assert len(strays) == 2
    assert end(strays) == []
    assert not any(psutil.pid_exists(stray.process.pid) and stray.process.is_running() for stray in strays)
    start(home, "one")
    assert find_strays(home) == []


def test_only_what_changed_is_restarted(home: Home) -> None:
    """The changed one ends its own strays, as Ray does: its child of before has left its process group."""
    configure(home, fake_service(home, "one"), fake_service(home, "two", ends_own_strays=True))
    supervisor = start(home, "one", "two")
    before = {process.name: process.pid for process in supervisor.processes()}
    assert not supervisor.pending_changes()
    configure(home, fake_service(home, "one"), fake_service(home, "two", config="another", ends_own_strays=True))
    changes = supervisor.pending_changes()
    assert (changes.added, changes.changed, changes.removed) == ((), ("two",), ())
    supervisor.take_over(changes)
    start(home, "two")
    after = {process.name: process.pid for process in supervisor.processes()}
    assert after["one"] == before["one"]
    assert after["two"] not in {0, before["two"]}


def test_two_homes_do_not_meet(home: Home, tmp_path: Path) -> None:
    other = Home(tmp_path / "other")
    configure(home, fake_service(home, "one"))
    start(home, "one")
    assert home.key != other.key
    assert marked_processes(other.key) == []
