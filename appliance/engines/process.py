"""An engine as a process behind its keeper: its start, its log, its end."""

import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from appliance.engines import keeper
from appliance.engines.launch import EngineCommand

LOG_BYTES = 8 * 1024 * 1024
TERM_SECONDS = 10.0


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


def start_process(
    command: EngineCommand, *, cwd: Path, socket: Path, log: Path, pass_fds: Sequence[int] = ()
) -> EngineProcess:
    """Returns at once; the engine dies with this process, however that ends. It inherits `pass_fds`."""
    options = [f"--log={log}", f"--log-bytes={LOG_BYTES}", f"--grace-seconds={TERM_SECONDS}"]
    options += [f"--pass-fd={descriptor}" for descriptor in pass_fds]
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", str(keeper.__file__), *options, "--", *command.argv],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=cwd,
        env=command.env,
        text=True,
        start_new_session=True,
        pass_fds=pass_fds,
    )
    assert process.stdout is not None
    return EngineProcess(keeper=process, pid=int(process.stdout.readline()), socket=socket, log=log)
