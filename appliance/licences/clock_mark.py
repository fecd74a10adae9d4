"""The highest time ever seen: a clock that is turned back does not give a licence more days.

The mark lies in the registry and in a file of the home; the highest of both, and of the dates that the vendor signed,
counts. It lies in the open: it keeps a clock that is turned back from winning days, and root can edit it.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from appliance.base.files import write_atomically
from appliance.base.paths import Home

SUSPECT_AFTER = timedelta(hours=24)
"""Less than this is a time zone typed wrongly or a battery that is weak."""

WRITE_AFTER = timedelta(minutes=1)
MARK_FILE = "clock"


@dataclass(frozen=True)
class Reckoning:
    """`at`: the time by which licences are judged, never earlier than the mark. `behind`: how far the clock is back."""

    at: datetime
    behind: timedelta

    @property
    def is_suspect(self) -> bool:
        return self.behind > SUSPECT_AFTER


def reckon(now: datetime, *, mark: datetime | None) -> Reckoning:
    if mark is None or now >= mark:
        return Reckoning(now, timedelta(0))
    return Reckoning(mark, mark - now)


def latest(*times: datetime | None) -> datetime | None:
    return max((time for time in times if time is not None), default=None)


def read_mark(home: Home) -> datetime | None:
    """None where there is none, or it is damaged: the registry's counts then."""
    try:
        return datetime.fromtimestamp(int((home.licences / MARK_FILE).read_text()[:20]), UTC)
    except (OSError, ValueError, OverflowError):
        return None


def write_mark(home: Home, mark: datetime) -> None:
    """Once a minute at most."""
    known = read_mark(home)
    if known is None or abs(mark - known) >= WRITE_AFTER:
        home.licences.mkdir(mode=0o700, exist_ok=True)
        write_atomically(home.licences / MARK_FILE, f"{int(mark.timestamp())}\n".encode())
