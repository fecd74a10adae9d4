"""One vendor's module in a process apart (`probe`), as its parent sees it: ask, read a line by a deadline, kill."""

import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from appliance.base.child_env import child_env
from appliance.hardware.inventory import Detected
from appliance.hardware.vendors.registry import Entry, package_folder
from appliance.hardware.world import VendorFailed

READ_BYTES = 65536
MOST_BYTES = 8 * 1024 * 1024
REAP_SECONDS = 0.2
ANSWER = TypeAdapter(Detected)


class VendorProcess:
    """The child answers once when it starts and once per `ask`. After any failure it is killed and of no more use."""

    def __init__(self, entry: Entry, *, root: Path) -> None:
        self.is_fresh = True
        """Its first answer comes without being asked for."""
        self._received = b""
        self._child = subprocess.Popen(
            [sys.executable, "-m", "appliance.hardware.probe", entry.path, str(root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",  # `-m` imports from the working directory first
            env=child_env({"PYTHONPATH": str(package_folder())}),
        )
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._requests, self._answers = self._child.stdin, self._child.stdout
        os.set_blocking(self._answers.fileno(), False)

    @property
    def pid(self) -> int:
        return self._child.pid

    def fileno(self) -> int:
        """Readable when `read` has something to say."""
        return self._answers.fileno()

    def ask(self) -> None:
        """A child that is gone is found by `read`."""
        if not self.is_fresh:
            with suppress(BrokenPipeError):
                self._requests.write(b"\n")
                self._requests.flush()
        self.is_fresh = False

    def read(self) -> Detected | None:
        """What has come, when it is a whole answer. Raises VendorFailed when the child ended or does not make sense."""
        try:
            chunk = os.read(self.fileno(), READ_BYTES)
        except BlockingIOError:
            return None
        self._received += chunk
        line, newline, rest = self._received.partition(b"\n")
        if not newline:
            if not chunk:
                raise VendorFailed(self._how_it_ended())
            if len(self._received) > MOST_BYTES:
                raise VendorFailed("Its library answered without end.")
            return None
        self._received = rest
        try:
            return ANSWER.validate_json(line)
        except ValidationError as error:
            raise VendorFailed("Its library wrote something that is no answer.") from error

    def kill(self) -> None:
        """The child and whatever it started. A process that hangs in the kernel dies when the kernel lets go of it.

        A vendor's tool runs in a group of its own (`World.tool`). The child goes first: it would start another.
        """
        if self._child.returncode is None:  # not reaped yet, so the group's number is still its own
            for group in (self.pid, *_children_of(self.pid)):
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(group, signal.SIGKILL)
            with suppress(subprocess.TimeoutExpired):
                self._child.wait(REAP_SECONDS)
        for pipe in (self._requests, self._answers):
            with suppress(BrokenPipeError):
                pipe.close()

    @property
    def is_alive(self) -> bool:
        return self._child.returncode is None and self._exit_status(0.0) is None

    def _how_it_ended(self) -> str:
        """Called when its output has ended, so that the process is ending, or its library closed all files."""
        status = self._exit_status(REAP_SECONDS)
        if status is None:
            return "Its library closed the pipe on which it answers."
        kind, number = status
        if kind == os.CLD_EXITED:
            return f"Its process ended with {number}."
        return f"Its library crashed the process ({signal.Signals(number).name})."

    def _exit_status(self, seconds: float) -> tuple[int, int] | None:
        """How it ended, within `seconds`; it is not reaped, so that its group can still be killed by its number."""
        descriptor = os.pidfd_open(self.pid)
        try:
            waiting = select.poll()
            waiting.register(descriptor, select.POLLIN)
            waiting.poll(seconds * 1000)
        finally:
            os.close(descriptor)
        ended = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG)
        return (ended.si_code, ended.si_status) if ended else None


def _children_of(pid: int) -> tuple[int, ...]:
    """As the kernel lists them for each thread that started some (proc(5)); none where it does not."""
    found: list[int] = []
    for listed in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found.extend(map(int, listed.read_text().split()))
    return tuple(found)
