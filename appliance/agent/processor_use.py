"""How busy this machine's processors were since the last look."""

from collections.abc import Callable
from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class Ticks:
    """Seconds since boot, summed over all processors."""

    total: float
    idle: float


def read_ticks() -> Ticks:
    """`guest` and `guest_nice` are counted in `user` and `nice` already (man 5 proc_stat)."""
    times = psutil.cpu_times()
    counted = {name: value for name, value in times._asdict().items() if not name.startswith("guest")}
    return Ticks(total=sum(counted.values()), idle=counted.get("idle", 0.0) + counted.get("iowait", 0.0))


class ProcessorUse:
    """In a container this is still the whole machine: /proc/stat knows no control groups."""

    def __init__(self, read: Callable[[], Ticks] = read_ticks) -> None:
        self._read = read
        self._before: Ticks | None = None

    def since_last(self) -> float | None:
        """0 to 1; None the first time, and where no time has passed."""
        before, now = self._before, self._read()
        self._before = now
        if before is None or now.total <= before.total:
            return None
        busy = 1 - (now.idle - before.idle) / (now.total - before.total)
        return min(max(busy, 0.0), 1.0)
