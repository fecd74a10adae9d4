"""A budget for second tries: when everything fails, retries must not double the load. Pure.

A token bucket as Finagle's: each request brings a part of a retry, each retry takes a whole one, and a small floor per
second lets quiet routes retry too. https://twitter.github.io/finagle/guide/Clients.html#retries
"""

FLOOR_PER_SECOND = 1.0
WINDOW_SECONDS = 10.0


class RetryBudget:
    """`ratio` retries per request; what is saved up is bounded by ten seconds' floor and a hundred requests' share."""

    def __init__(self, *, ratio: float, now: float) -> None:
        self._ratio = ratio
        self._most = FLOOR_PER_SECOND * WINDOW_SECONDS + 100 * ratio
        self._saved = FLOOR_PER_SECOND * WINDOW_SECONDS
        self._seen_at = now

    @property
    def ratio(self) -> float:
        return self._ratio

    def deposit(self) -> None:
        """For each request, once."""
        self._saved = min(self._most, self._saved + self._ratio)

    def withdraw(self, now: float) -> bool:
        """For each retry: whether it may be made."""
        floor = max(0.0, now - self._seen_at) * FLOOR_PER_SECOND
        self._seen_at = now
        self._saved = min(self._most, self._saved + floor)
        if self._saved < 1.0:
            return False
        self._saved -= 1.0
        return True
