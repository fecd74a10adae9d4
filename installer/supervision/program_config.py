"""supervisord's configuration file, rendered from the service table. Pure.

A program's whole environment stands in its command (`env -i KEY=value ... program`), so that nothing of the shell that
ran `appliance up` leaks in; `env` replaces itself by the program, so the process id and its signals are the program's.
"""

import hashlib
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from appliance.base.errors import SetupError
from appliance.base.paths import Home
from installer.services import Service

USER = "appliance"
LOG_BYTES = "20MB"
LOG_FILES = 3
LEAST_SECONDS = 1
RETRIES = 1_000_000


@dataclass(frozen=True)
class SupervisorFacts:
    """`run_as` is set when started as root, to say that it is meant; `open_files` is the limit asked for."""

    password: str
    open_files: int
    run_as: str | None = None


def render(home: Home, *, services: Sequence[Service], facts: SupervisorFacts) -> str:
    digest = hashlib.sha1(facts.password.encode(), usedforsecurity=False).hexdigest()  # supervisord knows only SHA-1
    parts = [
        section(
            "unix_http_server",
            {
                "file": str(home.supervisor_socket),
                "chmod": "0700",
                "username": USER,
                "password": f"{{SHA}}{digest}",
            },
        ),
        section("supervisord", supervisor_options(home, facts=facts)),
        section(
            "rpcinterface:supervisor",
            {"supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"},
        ),
    ]
    parts += [
        section(f"program:{service.name}", program_options(home, service=service, priority=10 * rank))
        for rank, service in enumerate(services, start=1)
    ]
    return "; Written by the appliance; changes are overwritten.\n\n" + "\n".join(parts)


def supervisor_options(home: Home, *, facts: SupervisorFacts) -> dict[str, str]:
    options = {
        "logfile": str(home.logs / "supervisord.log"),
        "logfile_maxbytes": LOG_BYTES,
        "logfile_backups": str(LOG_FILES),
        "pidfile": str(home.supervisor / "supervisord.pid"),
        "childlogdir": str(home.logs),
        "directory": str(home.root),
        "identifier": f"thousand-sails-{home.key}",
        "umask": "077",
        "minfds": str(facts.open_files),
    }
    if facts.run_as:
        options["user"] = facts.run_as
    return options


def program_options(home: Home, *, service: Service, priority: int) -> dict[str, str]:
    """`autostart` is off because the order of the first start is ours; after that, `autorestart` keeps each one up."""
    return {
        "command": command_line(service),
        "directory": str(home.root),
        "priority": str(priority),
        "autostart": "false",
        "autorestart": "true",
        "startsecs": str(LEAST_SECONDS),
        "startretries": str(RETRIES),
        "stopsignal": service.stop_signal,
        "stopwaitsecs": str(service.stop_seconds),
        "stopasgroup": str(service.stop_as_group).lower(),
        "killasgroup": "true",
        "redirect_stderr": "true",
        "stdout_logfile": str(home.logs / f"{service.name}.log"),
        "stdout_logfile_maxbytes": LOG_BYTES,
        "stdout_logfile_backups": str(LOG_FILES),
    }


def command_line(service: Service) -> str:
    environment = [f"{key}={value}" for key, value in sorted(service.environment.items())]
    return " ".join(quoted(word) for word in ["/usr/bin/env", "-i", *environment, *service.command])


def quoted(word: str) -> str:
    """For supervisord's POSIX splitting; a blank before `;` or `#` would begin a comment, so quotes close between."""
    return shlex.quote(word).replace(" ;", " '';").replace(" #", " ''#")


def section(name: str, options: dict[str, str]) -> str:
    lines = [f"[{name}]"]
    for key, value in options.items():
        if "\n" in value or "\r" in value:
            raise SetupError(f"A line break in {name}, {key}.", hint="Look for it in the APPLIANCE_ settings.")
        lines.append(f"{key} = {value.replace('%', '%%')}")
    return "\n".join(lines) + "\n"
