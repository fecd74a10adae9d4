"""Starting supervisord detached, and bringing a whole home down with nothing left behind."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil

from appliance.base.child_env import HOME_MARK, SERVICE_MARK, child_env
from appliance.base.errors import SetupError
from appliance.base.paths import Home
from installer.supervision.client import Supervisor
from installer.supervision.strays import Marked, end, marked_processes, still_alive
from installer.waiting import wait_until

START_SECONDS = 20.0
STOP_SECONDS = 120.0
LAST_TO_STOP = frozenset({"postgres", "redis"})


def config_file(home: Home) -> Path:
    return home.supervisor / "supervisord.conf"


def start_supervisor(home: Home) -> None:
    """Start supervisord, which detaches itself, and wait until it answers."""
    env = {
        key: value
        for key, value in child_env({HOME_MARK: home.key, SERVICE_MARK: "supervisor"}).items()
        if not key.startswith("APPLIANCE_")
    }
    started = subprocess.run(
        [sys.executable, "-m", "supervisor.supervisord", "-c", str(config_file(home))],
        env=env,
        cwd=home.root,
        capture_output=True,
        text=True,
        check=False,
        timeout=START_SECONDS,
    )
    if started.returncode != 0:
        raise SetupError(
            f"The supervisor did not start: {started.stderr.strip() or started.stdout.strip()}",
            hint=f"See {home.logs / 'supervisord.log'}.",
        )
    supervisor = Supervisor(home)
    wait_until(lambda: supervisor.pid is not None, seconds=START_SECONDS, what="the supervisor to answer")


def find_strays(home: Home) -> list[Marked]:
    """Processes of this home that no living supervisor holds: all of them when there is none."""
    found = marked_processes(home.key)
    pid = Supervisor(home).pid
    if pid is None:
        return found
    held = {pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))}
    return [marked for marked in found if marked.process.pid not in held]


def bring_down(home: Home, *, say: Callable[[str], None]) -> list[int]:
    """Stop every service and the supervisor, then end what is left; returns the ids of those that had to be killed."""
    supervisor = Supervisor(home)
    pid = supervisor.pid
    if pid is not None:
        say("stopping the services")
        supervisor.stop([process.name for process in supervisor.processes() if process.name not in LAST_TO_STOP])
        say("stopping the databases and the supervisor")
        supervisor.shut_down()
        still_alive([psutil.Process(pid)], seconds=STOP_SECONDS)
    left = marked_processes(home.key)
    if left:
        say(f"ending {len(left)} processes that were left")
    killed = end(left)
    survivors = marked_processes(home.key)
    if survivors:
        raise SetupError(
            f"These processes of the appliance could not be ended: {[m.process.pid for m in survivors]}.",
            hint="They may hang in the kernel (a stalled disk); look at them with `ps`.",
        )
    return killed
