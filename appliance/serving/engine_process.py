"""One engine as a process: its command from the pack, its keeper, its log, its end."""

import os
import signal
import subprocess
import sys
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from appliance.base.errors import Conflict
from appliance.base.paths import Home
from appliance.base.settings import Settings
from appliance.engines import keeper
from appliance.engines.install import installed_environment
from appliance.engines.launch import LaunchValues, engine_command
from appliance.engines.pack import EnginePack
from appliance.serving.spec import ServedVersionSpec
from appliance.serving.strays import marks_of

LOG_BYTES = 8 * 1024 * 1024
TERM_SECONDS = 10.0
GIB = 1024**3


@dataclass(frozen=True)
class EngineProcess:
    """A running engine behind its keeper; `pid` is the engine's own, which is also its process group."""

    keeper: "subprocess.Popen[str]"
    pid: int
    socket: Path
    log: Path

    def is_running(self) -> bool:
        return self.keeper.poll() is None

    def end(self) -> None:
        """Ask the keeper to end the whole group: SIGTERM, and SIGKILL `TERM_SECONDS` later. Returns when it is gone.

        A keeper that was killed has left the engine's children behind; then the group is ended from here.
        """
        assert self.keeper.stdin is not None
        self.keeper.stdin.close()
        self.keeper.wait()
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def last_lines(self, count: int) -> str:
        with self.log.open(errors="replace") as lines:
            return "".join(deque(lines, maxlen=count))


def start_engine(spec: ServedVersionSpec, *, pack: EnginePack, settings: Settings, replica_id: str) -> EngineProcess:
    """Start the engine of `spec` and return at once. Raises Conflict when the pack's version is another one."""
    if spec.engine_version != pack.version:
        raise Conflict(
            f"{spec.model_name} wants {pack.name} {spec.engine_version}; this appliance carries {pack.version}.",
            hint="Deploy the model again with the version that is here.",
        )
    home = Home(spec.home)
    short = replica_id[-8:]
    socket = home.engine_sockets / f"{short}.sock"
    log = home.logs / f"engine-{spec.served_model_id[-8:]}-{short}.log"
    environment = installed_environment(pack, engines_dir=settings.engines_dir)
    command = engine_command(
        pack,
        task=spec.task,
        values=LaunchValues(
            python=environment / "bin" / "python",
            weights=spec.weights_path,
            model_name=spec.model_name,
            socket=socket,
            max_model_len=spec.max_model_len,
            kv_cache_bytes=int(settings.engines.kv_cache_gib * GIB),
            cache=settings.engine_cache,
        ),
        extra_argv=spec.engine_args,
        marks=marks_of(home, replica_pid=os.getpid()),
    )
    return _start(command.argv, env=command.env, cwd=home.run, socket=socket, log=log)


def _start(argv: list[str], *, env: dict[str, str], cwd: Path, socket: Path, log: Path) -> EngineProcess:
    options = [f"--log={log}", f"--log-bytes={LOG_BYTES}", f"--grace-seconds={TERM_SECONDS}"]
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", str(keeper.__file__), *options, "--", *argv],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=cwd,
        env=env,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    return EngineProcess(keeper=process, pid=int(process.stdout.readline()), socket=socket, log=log)
