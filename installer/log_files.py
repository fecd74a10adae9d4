"""Reading the services' log files: the last lines, and what comes after, also when a file is rotated away."""

import os
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from appliance.base.errors import NotFound
from appliance.base.paths import Home

LOOK_SECONDS = 0.3


@dataclass(frozen=True)
class LogFile:
    service: str
    path: Path


def log_files(home: Home, *, service: str | None) -> list[LogFile]:
    """One service's file, or all; raises NotFound with the names that there are."""
    found = [LogFile(path.stem, path) for path in sorted(home.logs.glob("*.log"))]
    if service is None:
        return found
    chosen = [file for file in found if file.service == service]
    if not chosen:
        known = ", ".join(file.service for file in found) or "none yet; run `appliance up`"
        raise NotFound(f"There is no log of a service {service!r}.", hint=f"Known: {known}.")
    return chosen


def show_tail(files: Sequence[LogFile], *, lines: int) -> None:
    for file in files:
        with file.path.open(errors="replace") as stream:
            for line in deque(stream, maxlen=lines):
                show(file, line, among=files)


def show(file: LogFile, line: str, *, among: Sequence[LogFile]) -> None:
    name = f"{file.service:<12} " if len(among) > 1 else ""
    sys.stdout.write(f"{name}{line.rstrip()}\n")


def follow_files(files: Sequence[LogFile]) -> None:
    """Until Ctrl-C. A file that was rotated is opened again from its beginning."""
    followed = [Followed(file) for file in files]
    while True:
        for one in followed:
            for line in one.new_lines():
                show(one.file, line, among=files)
        sys.stdout.flush()
        time.sleep(LOOK_SECONDS)


class Followed:
    """The place up to which one file was shown; half a line waits for its rest."""

    def __init__(self, file: LogFile) -> None:
        self.file = file
        self.stream = file.path.open(errors="replace")
        self.stream.seek(0, os.SEEK_END)
        self.rest = ""

    def new_lines(self) -> list[str]:
        text = self.rest + self.stream.read()
        if self.was_rotated():
            self.stream.close()
            self.stream = self.file.path.open(errors="replace")
            text += self.stream.read()
        *whole, self.rest = text.split("\n")
        return whole

    def was_rotated(self) -> bool:
        """Another file under the name, or the same one cut short."""
        try:
            status = self.file.path.stat()
        except FileNotFoundError:
            return False
        return status.st_ino != os.fstat(self.stream.fileno()).st_ino or status.st_size < self.stream.tell()
