"""What `appliance status` knows: the supervisor's processes, and the control plane's view when it answers."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import psutil

from appliance.base import clock
from appliance.base.errors import ApplianceError
from appliance.base.paths import Home
from installer.admin_client import AdminClient, JsonObject
from installer.supervision.client import ProcessState, Supervisor
from installer.supervision.strays import Marked, marked_processes

LOOPS_SILENT_SECONDS = 60
LOOP_SILENT_SECONDS = 7200
"""The quick reconcilers run every few seconds, the slowest every hour: all silent is soon wrong, one is later."""

ENGINES = "engines"
SUPERVISOR = "supervisor"


@dataclass(frozen=True)
class ProcessReport:
    """One supervised process with its children. `memory_bytes` is their proportional share (PSS), so sums are true."""

    name: str
    state: str
    pid: int
    uptime_seconds: int
    memory_bytes: int
    processes: int
    problem: str

    @property
    def is_green(self) -> bool:
        return self.state == "RUNNING"


@dataclass(frozen=True)
class StatusReport:
    """`api_problem` says why reconcilers and models are not shown; the processes always are."""

    home: str
    processes: tuple[ProcessReport, ...]
    reconcilers: tuple[JsonObject, ...]
    served_models: tuple[JsonObject, ...]
    versions: JsonObject
    api_problem: str | None
    now: int

    @property
    def memory_without_engines_bytes(self) -> int:
        return sum(process.memory_bytes for process in self.processes if process.name != ENGINES)

    @property
    def is_green(self) -> bool:
        return bool(self.processes) and not self.problems()

    def problems(self) -> list[str]:
        """Each thing that is not as it should be, in words."""
        found = [f"{process.name} is {process.state}" for process in self.processes if not process.is_green]
        if not self.processes:
            found.append("the appliance is not running")
        elif self.api_problem:
            found.append(self.api_problem)
        found += reconciler_problems(self.reconcilers, now=self.now)
        found += [problem for row in self.served_models if (problem := served_model_problem(row))]
        return found

    def document(self) -> dict[str, Any]:
        return {
            **asdict(self),
            "memory_without_engines_bytes": self.memory_without_engines_bytes,
            "green": self.is_green,
            "problems": self.problems(),
        }


def reconciler_problems(rows: Sequence[JsonObject], *, now: int) -> list[str]:
    found = [f"reconciler {row['name']}: {row['last_error']}" for row in rows if row["last_error"]]
    silent = {row["name"]: now - (row["last_run_at"] or 0) for row in rows}
    if silent and min(silent.values()) > LOOPS_SILENT_SECONDS:
        return [*found, f"no reconciler has run for {min(silent.values())} s"]
    return found + [f"reconciler {name} has not run for {s} s" for name, s in silent.items() if s > LOOP_SILENT_SECONDS]


def served_model_problem(row: JsonObject) -> str | None:
    ready = sum(replica["state"] == "ready" for replica in row["replicas"])
    if ready >= row["desired_replicas"]:
        return None
    reason = f": {row['observed_reason']}" if row["observed_reason"] else ""
    return (
        f"model {row['name']} is {row['observed_state']}, {ready} of {row['desired_replicas']} replicas ready{reason}"
    )


def read_status(home: Home) -> StatusReport:
    supervisor = Supervisor(home)
    pid = supervisor.pid
    status, problem = read_api(home) if pid else ({}, None)
    marked = marked_processes(home.key) if pid else []
    served: list[JsonObject] = status.get("served_models", [])
    return StatusReport(
        home=str(home.root),
        processes=tuple(process_reports(supervisor.processes(), marked=marked, supervisor_pid=pid)) if pid else (),
        reconcilers=tuple(status.get("reconcilers", [])),
        served_models=tuple(served),
        versions=status.get("versions", {}),
        api_problem=problem,
        now=int(clock.unix_time()),
    )


def read_api(home: Home) -> tuple[JsonObject, str | None]:
    try:
        with AdminClient(home, timeout_seconds=5.0) as api:
            return api.get("/system/status"), None
    except ApplianceError as error:
        return {}, error.message


def process_reports(
    states: Sequence[ProcessState], *, marked: Sequence[Marked], supervisor_pid: int
) -> Iterable[ProcessReport]:
    """Supervised processes in their order; engines apart, because their memory is the models'."""
    of: dict[str, list[Marked]] = {}
    for one in marked:
        of.setdefault(ENGINES if one.is_engine else one.service, []).append(one)
    uptime = max((state.uptime_seconds for state in states), default=0)
    supervisor = ProcessState(SUPERVISOR, "RUNNING", pid=supervisor_pid, uptime_seconds=uptime, problem="")
    for state in (supervisor, *states):
        own = of.get(state.name, [])
        yield ProcessReport(
            name=state.name,
            state=state.state,
            pid=state.pid,
            uptime_seconds=state.uptime_seconds,
            memory_bytes=sum(memory_bytes(one.process) for one in own),
            processes=len(own),
            problem=state.problem,
        )
    engines = of.get(ENGINES, [])
    if engines:
        yield ProcessReport(
            name=ENGINES,
            state="RUNNING",
            pid=min(one.process.pid for one in engines),
            uptime_seconds=int(clock.unix_time() - min(started_at(one.process) for one in engines)),
            memory_bytes=sum(memory_bytes(one.process) for one in engines),
            processes=len(engines),
            problem="",
        )


def memory_bytes(process: psutil.Process) -> int:
    """Proportional set size: pages that several processes share count once in a sum. Zero once it is gone."""
    try:
        return process.memory_full_info().pss
    except psutil.AccessDenied:
        return process.memory_info().rss
    except psutil.NoSuchProcess:
        return 0


def started_at(process: psutil.Process) -> float:
    try:
        return process.create_time()
    except psutil.NoSuchProcess:
        return clock.unix_time()
