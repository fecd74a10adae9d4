"""The service table: every process of the stack as data, in the order in which the stack starts."""

import hashlib
import os
import pwd
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from appliance.base.box import Box
from appliance.base.child_env import HOME_MARK, SERVICE_MARK, child_env
from appliance.base.paths import Home
from appliance.base.postgres import postgres_command
from appliance.base.settings import Settings
from appliance.serving.ray_command import ray_environment, ray_head_command
from installer.programs import Programs
from installer.readiness import GatewayAnswers, HttpAnswers, PostgresAnswers, Probe, RayAnswers, RedisAnswers, Runs

SERVICE_PATH = f"{Path(sys.executable).parent}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ONE_NODE = {"RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0"}
"""Ray waits 30 s at its end for other nodes to take the replicas over; on one box there is none."""
OF_A_SHELL = frozenset({"LC_ALL", "TMPDIR", SERVICE_MARK})


@dataclass(frozen=True)
class Stack:
    """All that the service table needs to know about this box."""

    home: Home
    box: Box
    settings: Settings
    programs: Programs


@dataclass(frozen=True)
class Service:
    """One supervised process. `ends_own_strays`: what an earlier run of it left behind is ended before it starts."""

    name: str
    purpose: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    probe: Probe
    config: str = ""
    stop_signal: str = "TERM"
    stop_seconds: int = 20
    stop_as_group: bool = True
    ends_own_strays: bool = False

    @property
    def environment(self) -> dict[str, str]:
        """`env`, its mark, and the digest of its configuration, so that a changed file restarts the service."""
        digest = hashlib.sha256(self.config.encode()).hexdigest()[:16]
        return {**self.env, SERVICE_MARK: self.name, "TS_CONFIG_DIGEST": digest}

    @property
    def command(self) -> tuple[str, ...]:
        if not self.ends_own_strays:
            return self.argv
        return (sys.executable, "-m", "installer.supervision.start_clean", *self.argv)


def service_table(stack: Stack, *, configs: Mapping[str, str]) -> tuple[Service, ...]:
    """All services; `configs` holds the text of the files whose change restarts a service, by its name."""
    home = stack.home
    marks = {"APPLIANCE_HOME": str(home.root), HOME_MARK: home.key}
    env = whatever_the_shell({**child_env(), **marks})
    ray_env = whatever_the_shell({**ray_environment(home, box=stack.box, settings=stack.settings), **marks, **ONE_NODE})
    return (
        Service(
            name="postgres",
            purpose="the registry's database",
            argv=tuple(postgres_command(home)),
            env=env,
            probe=PostgresAnswers(socket_dir=home.postgres_socket_dir, programs=stack.programs.postgres),
            config=configs.get("postgres", ""),
            stop_signal="INT",
            stop_seconds=60,
            stop_as_group=False,
        ),
        Service(
            name="redis",
            purpose="queue, rate windows and the replica table",
            argv=(str(stack.programs.redis.path), str(redis_config(home))),
            env=env,
            probe=RedisAnswers(home=home),
            config=configs.get("redis", ""),
        ),
        Service(
            name="ray",
            purpose="places and keeps the engines' replicas",
            argv=tuple(ray_head_command(home, box=stack.box)),
            env=ray_env,
            probe=RayAnswers(home=home, url=stack.box.ray_dashboard_url),
            stop_seconds=40,
            stop_as_group=False,  # it ends its own processes in order; told all at once, it waits 30 s for its GCS
            ends_own_strays=True,
        ),
        python_service(
            "api", purpose="the admin API", module="control_plane.api", env=env, probe=HttpAnswers(home.api_socket)
        ),
        python_service("reconciler", purpose="closes the gap", module="control_plane.reconciler", env=env),
        python_service(
            "gateway",
            purpose="the data path",
            module="appliance.gateway",
            env=env,
            probe=HttpAnswers(home.gateway_socket),
        ),
        python_service("agent", purpose="inventory and usage", module="appliance.agent", env=env),
        # Celery's own children end with it, after the running job was told to stop; a signal to the group cuts it off.
        replace(
            python_service("worker", purpose="long jobs", module="control_plane.worker", env=env),
            stop_as_group=False,
            stop_seconds=30,
        ),
        Service(
            name="frontdoor",
            purpose="the public port",
            argv=(str(stack.programs.haproxy), "-db", "-f", str(frontdoor_config(home))),
            env=env,
            probe=GatewayAnswers(url=public_url(stack), verify=stack.settings.http.tls_certificate is None),
            config=configs.get("frontdoor", ""),
        ),
    )


def whatever_the_shell(env: Mapping[str, str]) -> dict[str, str]:
    """The same environment from every shell, so that another `PATH` or language restarts nothing."""
    user = pwd.getpwuid(os.geteuid())
    same = {"PATH": SERVICE_PATH, "LANG": "C.UTF-8", "HOME": user.pw_dir, "USER": user.pw_name, "LOGNAME": user.pw_name}
    return {**{key: value for key, value in env.items() if key not in OF_A_SHELL}, **same}


def python_service(
    name: str, *, purpose: str, module: str, env: Mapping[str, str], probe: Probe | None = None
) -> Service:
    return Service(
        name=name,
        purpose=purpose,
        argv=(sys.executable, "-m", module),
        env=env,
        probe=probe or Runs(),
    )


def public_url(stack: Stack) -> str:
    """The front door as this machine reaches it."""
    http = stack.settings.http
    scheme = "https" if http.tls_certificate else "http"
    host = "127.0.0.1" if http.bind in {"0.0.0.0", "127.0.0.1", "::", "::1"} else http.bind  # noqa: S104  compared, not bound
    return f"{scheme}://{host}:{stack.box.ports.public}{http.base_path}"


def frontdoor_config(home: Home) -> Path:
    return home.root / "frontdoor" / "haproxy.cfg"


def redis_config(home: Home) -> Path:
    """Beside its data's folder: Redis may write in there, its configuration is ours."""
    return home.root / "redis.conf"
