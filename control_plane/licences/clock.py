"""The highest time that was seen: in the registry, in a file of the home, and in what vendors signed."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from appliance.base.paths import Home
from appliance.licences import clock_mark
from control_plane.licences import repository

WRITE_AFTER = timedelta(minutes=1)


def highest(session: Session, home: Home, *, signed: Iterable[datetime] = ()) -> datetime | None:
    """`signed`: the dates of the files that vendors signed, a floor that no clock of ours can lower."""
    return clock_mark.latest(repository.read_mark(session), clock_mark.read_mark(home), *signed)


def advance(session: Session, home: Home, *, now: datetime, signed: Iterable[datetime] = ()) -> datetime:
    """Write down `now` where it is the highest yet; once a minute, as nobody needs it finer."""
    mark = highest(session, home, signed=signed)
    if mark is not None and now - mark < WRITE_AFTER and repository.read_mark(session) == mark:
        return max(now, mark)
    new = max(now, mark) if mark is not None else now
    repository.raise_mark(session, new)
    clock_mark.write_mark(home, new)
    return new


def reset(session: Session, home: Home, *, to: datetime) -> None:
    """Because a vendor signed that this box's clock had run ahead."""
    repository.set_mark(session, to)
    clock_mark.write_mark(home, to)
