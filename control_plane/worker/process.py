"""The outside of a job's process: start it in its own group, read its reports, end the whole group."""

import json
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from appliance.base.child_env import child_env
from control_plane.jobs.process_entry import PARENT_PID_VARIABLE, REPORT_FD_VARIABLE

READ_BYTES = 65536
TERM_GRACE_SECONDS = 5.0


class JobProcess:
    """One running job. `progress`, `result` and `error` hold the newest report of each kind."""

    def __init__(self, module: str, *, spec: dict[str, Any], environ: Mapping[str, str]) -> None:
        reader, writer = os.pipe()
        extra = {**environ, REPORT_FD_VARIABLE: str(writer), PARENT_PID_VARIABLE: str(os.getpid())}
        self.process = subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=2,
            env=child_env(extra),
            pass_fds=(writer,),
            start_new_session=True,
        )
        os.close(writer)
        os.set_blocking(reader, False)
        self.reader = reader
        self.buffer = b""
        self.progress: dict[str, Any] | None = None
        self.result: dict[str, Any] | None = None
        self.error: dict[str, Any] | None = None
        self.send_spec(spec)

    def send_spec(self, spec: dict[str, Any]) -> None:
        """A process that died at once shows in its exit status, not here."""
        if self.process.stdin is not None:
            with suppress(BrokenPipeError):
                self.process.stdin.write(json.dumps(spec).encode())
                self.process.stdin.close()

    @property
    def pid(self) -> int:
        return self.process.pid

    def wait_for_report(self, *, seconds: float, also: int | None = None) -> bool:
        """Sleep until the process reports, ends, or `also` (a descriptor) turns readable; False once the pipe is
        closed.
        """
        with selectors.DefaultSelector() as selector:
            selector.register(self.reader, selectors.EVENT_READ)
            if also is not None:
                selector.register(also, selectors.EVENT_READ)
            selector.select(seconds)
        return self.read_reports()

    def read_reports(self) -> bool:
        """Take in what has come; False at the end of the pipe, which is when the process ends."""
        while True:
            try:
                chunk = os.read(self.reader, READ_BYTES)
            except BlockingIOError:
                return True
            if not chunk:
                return False
            self.buffer += chunk
            *lines, self.buffer = self.buffer.split(b"\n")
            for line in lines:
                self.take_in(line)

    def take_in(self, line: bytes) -> None:
        report = json.loads(line)
        match report["kind"]:
            case "progress":
                self.progress = report["content"]
            case "result":
                self.result = report["content"]
            case "error":
                self.error = report["content"]
            case _:
                pass  # a newer process may say more than we know

    def end(self) -> int:
        """SIGTERM to the group, SIGKILL after the grace; returns the exit status and leaves no process of the group."""
        if self.process.poll() is None:
            self.signal_group(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(TERM_GRACE_SECONDS)
        self.signal_group(signal.SIGKILL)
        status = self.process.wait()
        os.close(self.reader)
        return status

    def signal_group(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)
