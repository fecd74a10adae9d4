"""The inside of a job's process: spec on stdin, JSON lines on the report pipe, death with the parent.

A kind's module calls `run_job_process` with its work. Its process opens no database: what it reports becomes rows only
through its supervisor, under the fence.
"""

import ctypes
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Any

from appliance.base.clock import monotonic
from appliance.base.errors import ApplianceError

REPORT_FD_VARIABLE = "JOB_REPORT_FD"
PARENT_PID_VARIABLE = "JOB_PARENT_PID"
PR_SET_PDEATHSIG = 1
PROGRESS_SECONDS = 0.5


class Report:
    """Writes to the supervisor; progress at most every half second."""

    def __init__(self, descriptor: int) -> None:
        self.stream = os.fdopen(descriptor, "w", buffering=1)
        self.last_progress = 0.0

    def progress(self, **figures: Any) -> None:
        if monotonic() - self.last_progress >= PROGRESS_SECONDS:
            self.last_progress = monotonic()
            self.send("progress", figures)

    def send(self, kind: str, content: dict[str, Any]) -> None:
        self.stream.write(json.dumps({"kind": kind, "content": content}) + "\n")


Work = Callable[[dict[str, Any], Report], dict[str, Any]]


def run_job_process(work: Work) -> None:
    """Run `work` on the spec from stdin and report its result, or its error, and exit."""
    die_with_parent(int(os.environ[PARENT_PID_VARIABLE]))
    report = Report(int(os.environ[REPORT_FD_VARIABLE]))
    try:
        report.send("result", work(json.load(sys.stdin), report))
    except ApplianceError as error:
        report.send("error", error_document(error))
        sys.exit(1)
    except Exception as error:  # noqa: BLE001  the process's edge: whatever it was is reported, and ends it
        traceback.print_exc()
        message = f"The job met an error that it does not know: {type(error).__name__}: {error}"
        report.send("error", {"code": "internal_error", "message": message, "hint": "See `appliance logs worker`."})
        sys.exit(1)


def error_document(error: ApplianceError) -> dict[str, Any]:
    return {"code": error.error_code, "message": error.message, "hint": error.hint, "params": error.params}


def die_with_parent(parent_pid: int) -> None:
    """Ask the kernel for SIGKILL when the parent goes (prctl(2)); it may have gone before we asked."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        os.kill(os.getpid(), signal.SIGKILL)
