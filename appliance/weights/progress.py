"""How far an import or a check is: bytes, speed, time left, and the file at hand."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from appliance.base.clock import monotonic

WINDOW_SECONDS = 10.0
"""Speed is that of the last ten seconds: what was taken over from an earlier attempt does not flatter it."""


@dataclass(frozen=True)
class Progress:
    """`done_bytes` of `total_bytes` (0 where unknown); `file` is the one being read; `note` says what it waits for."""

    file: str
    done_bytes: int
    total_bytes: int
    bytes_per_second: float = 0.0
    seconds_left: float | None = None
    note: str | None = None


ProgressCallback = Callable[[Progress], None]


def silent(progress: Progress) -> None:
    """The callback of those who do not watch."""


class Meter:
    """Adds up the bytes of one run and tells the watcher."""

    def __init__(self, total_bytes: int, progress: ProgressCallback, *, now: Callable[[], float] = monotonic) -> None:
        self.total_bytes = total_bytes
        self.done_bytes = 0
        self.moved_bytes = 0
        self.file = ""
        self.progress = progress
        self.now = now
        self.marks: deque[tuple[float, int]] = deque([(now(), 0)])

    def advance(self, n_bytes: int) -> None:
        """Bytes that were read, copied or fetched just now; negative when they have to be done again."""
        self.done_bytes += n_bytes
        self.moved_bytes += n_bytes
        self.tell()

    def skip(self, n_bytes: int) -> None:
        """Bytes that need no work."""
        self.done_bytes += n_bytes
        self.tell()

    def tell(self, *, note: str | None = None) -> None:
        speed = self.speed()
        left = max(self.total_bytes - self.done_bytes, 0)
        self.progress(
            Progress(
                file=self.file,
                done_bytes=self.done_bytes,
                total_bytes=self.total_bytes,
                bytes_per_second=speed,
                seconds_left=left / speed if speed > 0 and self.total_bytes else None,
                note=note,
            )
        )

    def speed(self) -> float:
        now = self.now()
        if now - self.marks[-1][0] >= 0.5:
            self.marks.append((now, self.moved_bytes))
        while len(self.marks) > 1 and now - self.marks[1][0] >= WINDOW_SECONDS:
            self.marks.popleft()
        began, before = self.marks[0]
        return max(self.moved_bytes - before, 0) / (now - began) if now > began else 0.0
