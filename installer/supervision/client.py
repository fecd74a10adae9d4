"""supervisord's XML-RPC over its unix socket, typed. http://supervisord.org/api.html"""

import http.client
import xmlrpc.client
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, cast

from supervisor.xmlrpc import Faults, SupervisorTransport

from appliance.base.errors import SetupError
from appliance.base.paths import Home
from appliance.base.secret_files import Secret, read_secret
from installer.supervision.program_config import USER
from installer.waiting import wait_until

STOP_SECONDS = 120.0
UP = frozenset({"RUNNING", "STARTING"})
HARMLESS = frozenset({Faults.ALREADY_STARTED, Faults.NOT_RUNNING, Faults.ALREADY_ADDED, Faults.BAD_NAME})


@dataclass(frozen=True)
class ProcessState:
    """`state` is supervisord's word: STOPPED, STARTING, RUNNING, BACKOFF, STOPPING, EXITED, FATAL, UNKNOWN."""

    name: str
    state: str
    pid: int
    uptime_seconds: int
    problem: str

    @property
    def is_up(self) -> bool:
        return self.state in UP


@dataclass(frozen=True)
class Changes:
    """What a new configuration file adds, changes and removes, by program name."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


class RemoteCalls(Protocol):
    """The part of supervisord's interface that we use."""

    def getPID(self) -> int: ...  # noqa: N802  upstream's names
    def getAllProcessInfo(self) -> list[dict[str, Any]]: ...  # noqa: N802
    def startProcess(self, name: str, wait: bool) -> bool: ...  # noqa: N802
    def stopProcess(self, name: str, wait: bool) -> bool: ...  # noqa: N802
    def reloadConfig(self) -> list[list[list[str]]]: ...  # noqa: N802
    def addProcessGroup(self, name: str) -> bool: ...  # noqa: N802
    def removeProcessGroup(self, name: str) -> bool: ...  # noqa: N802
    def shutdown(self) -> bool: ...


class Supervisor:
    """The running supervisord of one home."""

    def __init__(self, home: Home) -> None:
        self.home = home

    @property
    def pid(self) -> int | None:
        """None when no supervisor of this home answers."""
        if not self.home.supervisor_socket.exists():
            return None
        try:
            with self.calls() as calls:
                return calls.getPID()
        except SetupError:
            return None

    def processes(self) -> list[ProcessState]:
        with self.calls() as calls:
            return [process_state(raw) for raw in calls.getAllProcessInfo()]

    def start(self, name: str) -> None:
        """Ask for it and return at once; one that runs already goes on running."""
        with self.calls() as calls, harmless_faults():
            calls.startProcess(name, False)

    def stop(self, names: Sequence[str]) -> None:
        """Tell all of them at once, and return when the last has stopped."""
        for name in names:
            with self.calls() as calls, harmless_faults():
                calls.stopProcess(name, False)
        wait_until(lambda: self.are_stopped(names), seconds=STOP_SECONDS, what=f"{', '.join(names)} to stop")

    def are_stopped(self, names: Sequence[str]) -> bool:
        return not any(process.pid for process in self.processes() if process.name in names)

    def pending_changes(self) -> Changes:
        """Have the configuration file read again and say what in it differs from what runs. Starts nothing."""
        with self.calls() as calls:
            added, changed, removed = calls.reloadConfig()[0]
        return Changes(added=tuple(added), changed=tuple(changed), removed=tuple(removed))

    def take_over(self, changes: Changes) -> None:
        """Stop what is removed or changed, and know what is added or changed; nothing is started."""
        self.stop([*changes.removed, *changes.changed])
        for name in [*changes.removed, *changes.changed]:
            with self.calls() as calls, harmless_faults():
                calls.removeProcessGroup(name)
        for name in [*changes.changed, *changes.added]:
            with self.calls() as calls, harmless_faults():
                calls.addProcessGroup(name)

    def shut_down(self) -> None:
        """Ask it to stop every process and itself; it goes on doing so after this returns."""
        with self.calls() as calls:
            calls.shutdown()

    @contextmanager
    def calls(self) -> Generator[RemoteCalls]:
        """One connection; raises SetupError when the supervisor does not answer."""
        transport = SupervisorTransport(
            USER, read_secret(self.home, Secret.SUPERVISOR_PASSWORD), f"unix://{self.home.supervisor_socket}"
        )
        proxy = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)
        try:
            yield cast("RemoteCalls", proxy.supervisor)
        except (OSError, http.client.HTTPException, xmlrpc.client.Error) as error:
            raise SetupError(
                f"The supervisor of {self.home.root} does not do what it was asked: {error}",
                hint="See `appliance logs supervisord`; `appliance up` starts it again.",
            ) from error
        finally:
            transport.close()


@contextmanager
def harmless_faults() -> Generator[None]:
    """Already started, not running, already known: the wish is met as it is."""
    try:
        yield
    except xmlrpc.client.Fault as fault:
        if fault.faultCode not in HARMLESS:
            raise


def process_state(raw: dict[str, Any]) -> ProcessState:
    running = bool(raw["pid"])
    return ProcessState(
        name=raw["name"],
        state=raw["statename"],
        pid=raw["pid"],
        uptime_seconds=max(0, raw["now"] - raw["start"]) if running else 0,
        problem=raw["spawnerr"],
    )


def not_up(processes: Sequence[ProcessState]) -> list[str]:
    return [process.name for process in processes if not process.is_up]
