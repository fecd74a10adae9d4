"""Who fails too often is passed over for a while, longer each time, and never more than half of them at once. Pure.

The same signals as Envoy's outlier detection: failures in a row, and the share of failures in a window.
https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/outlier
"""

from collections.abc import Sequence
from dataclasses import dataclass

IN_A_ROW = 3
WINDOW_SECONDS = 10.0
LEAST_REQUESTS = 10
WORST_SHARE = 0.5
BASE_SECONDS = 2.0
MOST_DOUBLINGS = 5
GOOD_IN_A_ROW = 10


@dataclass
class Outlier:
    """The record of one replica or endpoint; times are monotonic seconds."""

    ejected_until: float = 0.0
    ejections: int = 0
    failed_in_a_row: int = 0
    good_in_a_row: int = 0
    window_from: float = 0.0
    good: int = 0
    bad: int = 0

    def succeeded(self, now: float) -> None:
        self._count(now, is_good=True)
        self.failed_in_a_row = 0
        self.good_in_a_row += 1
        if self.good_in_a_row >= GOOD_IN_A_ROW and now >= self.ejected_until:
            self.ejections = 0

    def failed(self, now: float, *, at_once: bool) -> bool:
        """True where it is ejected by this one; `at_once` where nobody listens at all."""
        self._count(now, is_good=False)
        self.failed_in_a_row += 1
        self.good_in_a_row = 0
        total = self.good + self.bad
        often = total >= LEAST_REQUESTS and self.bad / total >= WORST_SHARE
        if now < self.ejected_until or not (at_once or often or self.failed_in_a_row >= IN_A_ROW):
            return False
        self.ejected_until = now + BASE_SECONDS * 2 ** min(self.ejections, MOST_DOUBLINGS)
        self.ejections += 1
        self.good = self.bad = 0
        return True

    def _count(self, now: float, *, is_good: bool) -> None:
        if now - self.window_from > WINDOW_SECONDS:
            self.window_from, self.good, self.bad = now, 0, 0
        if is_good:
            self.good += 1
        else:
            self.bad += 1


def ejected(outliers: Sequence[Outlier], *, now: float) -> set[int]:
    """Positions of those to pass over: the ones that come back last, at most half of all."""
    out = [position for position, outlier in enumerate(outliers) if outlier.ejected_until > now]
    out.sort(key=lambda position: outliers[position].ejected_until, reverse=True)
    return set(out[: len(outliers) // 2])
