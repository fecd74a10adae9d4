"""What a reconciler is, and how long a failing one waits."""

from typing import Protocol

LONGEST_WAIT_SECONDS = 30.0


class Reconciler(Protocol):
    """`run` takes no input, reads the world, closes the gap, and returns how much is still open. It may raise
    anything.
    """

    @property
    def name(self) -> str: ...

    @property
    def interval_seconds(self) -> float: ...

    def run(self) -> int: ...


def wait_seconds(interval_seconds: float, *, failures: int) -> float:
    """The interval, doubled for each failure in a row, up to half a minute (or the interval, where that is longer)."""
    if failures == 0:
        return interval_seconds
    return max(interval_seconds, min(interval_seconds * 2 ** min(failures, 10), LONGEST_WAIT_SECONDS))
