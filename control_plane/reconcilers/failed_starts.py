"""Serve gives up on an application that fails to start. This brings it back: out of the document once, then in again,
ever rarer.
"""

from dataclasses import dataclass

FIRST_WAIT_SECONDS = 30.0
LONGEST_WAIT_SECONDS = 900.0


@dataclass
class Failure:
    since: float
    repeats: int = 0


class FailedStarts:
    """Remembers, in this process only, how often each application has failed to start."""

    def __init__(self) -> None:
        self.failures: dict[str, Failure] = {}

    def held_back(self, failed: frozenset[str], *, now: float) -> frozenset[str]:
        """Which of the `failed` applications are due to be taken out of the document; `now` in monotonic seconds."""
        due: set[str] = set()
        for name in failed:
            failure = self.failures.setdefault(name, Failure(since=now))
            if now - failure.since >= wait_seconds(failure.repeats):
                failure.repeats += 1
                failure.since = now
                due.add(name)
        return frozenset(due)


def wait_seconds(repeats: int) -> float:
    return min(FIRST_WAIT_SECONDS * 2 ** min(repeats, 10), LONGEST_WAIT_SECONDS)
