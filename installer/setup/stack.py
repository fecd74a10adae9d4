"""The stack's own steps: configuration files, the supervisor, the services in order, the migrations."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import count

from appliance.base.child_env import HOME_MARK, child_env
from appliance.base.errors import NewerFormat, SetupError
from appliance.base.paths import Home
from appliance.base.secret_files import Secret, read_secret
from installer.services import Service, Stack, frontdoor_config, redis_config, service_table
from installer.setup.database import config_files
from installer.setup.facts import Facts
from installer.setup.files import WrittenFile
from installer.setup.frontdoor import render_frontdoor
from installer.setup.redis_config import render_redis
from installer.steps import Say, Step
from installer.supervision.client import Supervisor
from installer.supervision.lifecycle import config_file, find_strays, start_supervisor
from installer.supervision.program_config import SupervisorFacts, render
from installer.supervision.strays import end
from installer.waiting import wait_until

READY_SECONDS = 120.0
MIGRATE_SECONDS = 300.0
FIRST_TO_START = ("postgres", "redis", "ray")
BEFORE_MIGRATION = ("postgres", "redis")


def written_configs(stack: Stack) -> dict[str, WrittenFile]:
    """The configuration files by service; passwords are in them, so they are 0600."""
    home = stack.home
    redis = render_redis(home, password=read_secret(home, Secret.REDIS_PASSWORD))
    frontdoor = render_frontdoor(home, http=stack.settings.http, port=stack.box.ports.public)
    return {
        "redis": WrittenFile(redis_config(home), redis),
        "frontdoor": WrittenFile(frontdoor_config(home), frontdoor),
    }


def services_of(stack: Stack) -> tuple[Service, ...]:
    """The service table with the texts of the files that each service reads at its start."""
    texts = {name: file.text for name, file in written_configs(stack).items()}
    texts["postgres"] = "".join(file.text for file in config_files(stack.home))
    return service_table(stack, configs=texts)


def stack_steps(facts: Facts, *, stack: Stack) -> list[Step]:
    """Known only once the home is laid out, because passwords stand in the configuration files."""
    services = services_of(stack)
    by_name = {service.name: service for service in services}
    files = (*written_configs(stack).values(), supervisor_config(facts, services=services))
    home = stack.home
    later = [service for service in services if service.name not in FIRST_TO_START]
    return [
        Step("configs", "Configuration files", is_done=partial(all_right, files), apply=partial(write_all, files)),
        Step("strays", "Strays of an earlier run", is_done=partial(no_strays, home), apply=partial(sweep, home)),
        Step("supervisor", "Supervisor", is_done=partial(runs_our_table, home), apply=partial(supervise, home)),
        start_step("foundation", [by_name[name] for name in FIRST_TO_START], home=home),
        *[ready_step(by_name[name], home=home) for name in BEFORE_MIGRATION],
        MigrationStep(home).step(),
        start_step("services", later, home=home),
        *[ready_step(service, home=home) for service in services if service.name not in BEFORE_MIGRATION],
    ]


def supervisor_config(facts: Facts, *, services: Sequence[Service]) -> WrittenFile:
    supervisor = SupervisorFacts(
        password=read_secret(facts.home, Secret.SUPERVISOR_PASSWORD),
        open_files=facts.open_files,
        run_as=facts.user if facts.is_root else None,
    )
    return WrittenFile(config_file(facts.home), render(facts.home, services=services, facts=supervisor))


def all_right(files: Sequence[WrittenFile]) -> bool:
    return all(file.is_right() for file in files)


def write_all(files: Sequence[WrittenFile], say: Say) -> None:  # noqa: ARG001  a step's signature
    for file in files:
        if not file.is_right():
            file.write()


def no_strays(home: Home) -> bool:
    return not find_strays(home)


def sweep(home: Home, say: Say) -> None:
    strays = find_strays(home)
    say(f"ending {len(strays)} processes that no supervisor holds")
    end(strays)


def runs_our_table(home: Home) -> bool:
    """Reading the file again is how supervisord is asked what has changed; where nothing has, nothing happens."""
    supervisor = Supervisor(home)
    return supervisor.pid is not None and not supervisor.pending_changes()


def supervise(home: Home, say: Say) -> None:
    """Start the supervisor, or let the running one take over a changed file."""
    supervisor = Supervisor(home)
    if supervisor.pid is None:
        say("starting supervisord")
        start_supervisor(home)
    else:
        say("taking over the changed configuration")
        supervisor.take_over(supervisor.pending_changes())


def start_step(step_id: str, services: Sequence[Service], *, home: Home) -> Step:
    names = [service.name for service in services]
    return Step(
        f"start-{step_id}",
        f"Start {', '.join(names)}",
        is_done=partial(are_up, home, names),
        apply=partial(start_all, home, names),
    )


def are_up(home: Home, names: Sequence[str]) -> bool:
    up = {process.name for process in Supervisor(home).processes() if process.is_up}
    return up.issuperset(names)


def start_all(home: Home, names: Sequence[str], say: Say) -> None:
    supervisor = Supervisor(home)
    up = {process.name for process in supervisor.processes() if process.is_up}
    for name in names:
        if name not in up:
            say(name)
            supervisor.start(name)


def ready_step(service: Service, *, home: Home) -> Step:
    ready = Readiness(service, home=home)
    title = f"{service.name}: {service.purpose}"
    return Step(f"ready-{service.name}", title, is_done=ready.is_ready, apply=ready.wait)


class Readiness:
    """A service's probe with patience: shows what is missing yet, and gives up with the way to the log."""

    def __init__(self, service: Service, *, home: Home) -> None:
        self.service = service
        self.home = home

    def is_ready(self) -> bool:
        return self.problem() is None

    def problem(self) -> str | None:
        states = {process.name: process for process in Supervisor(self.home).processes()}
        state = states.get(self.service.name)
        if state is None or state.state != "RUNNING":
            return f"{state.state.lower()}, {state.problem}" if state else "unknown to the supervisor"
        return self.service.probe()

    def wait(self, say: Say) -> None:
        last = "not asked yet"
        turns = count(1)

        def is_ready() -> bool:
            nonlocal last
            problem = self.problem()
            last = problem or last
            say(f"try {next(turns)}: {last}")
            return problem is None

        wait_until(
            is_ready,
            seconds=READY_SECONDS,
            what=lambda: f"{self.service.name} to be ready ({last})",
            hint=f"See `appliance logs {self.service.name}`.",
        )


class MigrationStep:
    """The registry's schema and first rows; run each time, because only the database knows whether it is needed."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.has_run = False

    def step(self) -> Step:
        return Step("migrate", "Registry schema and first rows", is_done=lambda: self.has_run, apply=self.apply)

    def apply(self, say: Say) -> None:
        say("alembic upgrade head")
        outcome = subprocess.run(
            [sys.executable, "-m", "control_plane.migrate"],
            env=migration_environment(self.home),
            cwd=self.home.root,
            capture_output=True,
            text=True,
            check=False,
            timeout=MIGRATE_SECONDS,
        )
        if outcome.returncode != 0:
            last = outcome.stderr.strip().splitlines()[-1:] or ["it said nothing"]
            kind = NewerFormat if "newer version" in last[0] else SetupError
            raise kind(
                f"The registry could not be brought up to date: {last[0]}", hint="See `appliance logs postgres`."
            )
        self.has_run = True


def migration_environment(home: Home) -> Mapping[str, str]:
    return child_env({"APPLIANCE_HOME": str(home.root), HOME_MARK: home.key})
