"""End what a killed supervisor left: its job's process dies with it, the processes which that one started do not."""

import os
import signal
from contextlib import suppress

import psutil

from appliance.base.logs import get_logger
from appliance.base.settings import PREFIX
from control_plane.jobs.process_entry import PARENT_PID_VARIABLE

log = get_logger(__name__)


def end_strays(home: str) -> int:
    """SIGKILL to every process of a job of this home whose supervisor is gone; how many there were.

    A job's processes carry their supervisor's process id in their environment, which children inherit.
    """
    ended = 0
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError, ValueError):
            environ = process.environ()
            if environ.get(f"{PREFIX}HOME") == home and is_orphan(environ.get(PARENT_PID_VARIABLE)):
                os.kill(process.pid, signal.SIGKILL)
                ended += 1
                log.warning("stray_job_process_was_ended", pid=process.pid)
    return ended


def is_orphan(supervisor_pid: str | None) -> bool:
    return supervisor_pid is not None and not psutil.pid_exists(int(supervisor_pid))
