"""The entries that count, read and written as JSON once for each change: a list of a thousand is then a join of bytes.

Kept in the process. Each reading asks the database for the revision, and only after a change for the rows that are new.
"""

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from uuid import UUID

from sqlalchemy.orm import Session

from appliance.base import clock
from appliance.base.errors import BadRequest
from appliance.base.logs import get_logger
from control_plane.catalogue import repository
from control_plane.catalogue.repository import ORDER, Mark
from control_plane.catalogue.schemas import CatalogueAnswer, FitsAnswer, advice_answers
from control_plane.catalogue.service import entry_of
from control_plane.catalogue.tables import CatalogModel
from model_catalog.schema import CatalogueEntry

FITS_FIELD = b',"fits":null}'

log = get_logger(__name__)


@dataclass(frozen=True, eq=False)
class Shown:
    """An entry that counts. `digest`: what is worked out from the entry holds for as long as it is the same.
    `day`: the one for which the answer's warnings hold; None: for every day.

    Kept as bytes alone: a thousand entries as objects make each full collection of Python's garbage take 0.2 s.
    """

    mark: Mark
    overrides: bool
    order: int
    day: date | None
    answer: bytes

    @property
    def entry(self) -> CatalogueEntry:
        """Read anew each time."""
        return CatalogueAnswer.model_validate_json(self.answer).entry

    @property
    def name(self) -> str:
        return self.mark.name

    @property
    def digest(self) -> str:
        return self.mark.digest

    def json(self, fits: FitsAnswer | None) -> bytes:
        if fits is None:
            return self.answer
        return b'%b,"fits":%b}' % (self.answer.removesuffix(FITS_FIELD), fits.model_dump_json().encode())


@dataclass(frozen=True, eq=False)
class Listing:
    """All of them by name, in the order in which people see them. Two of one revision and one day are one object."""

    revision: int
    shown: Mapping[str, Shown]
    day: date = date.min


class Shelf:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.last = Listing(-1, {})

    def listing(self, session: Session) -> Listing:
        with self.lock:
            revision, today = repository.revision(session), clock.now().date()
            if (revision, today) != (self.last.revision, self.last.day):
                self.last = Listing(revision, self.renewed(session, today=today), today)
            return self.last

    def renewed(self, session: Session, *, today: date) -> dict[str, Shown]:
        """Entries that did not change keep their objects; one that this release cannot read is left out and logged."""
        layers = layered(repository.marks(session))
        kept = {shown.mark: shown for shown in self.last.shown.values() if shown.day in (None, today)}
        missing = [mark.id for marks in layers for mark in marks if mark not in kept]
        rows = {row.id: row for row in repository.by_ids(session, missing)}
        found = [
            shown for marks in layers if (shown := first_good(marks, kept=kept, rows=rows, today=today)) is not None
        ]
        return {shown.name: shown for shown in sorted(found, key=lambda shown: (shown.order, shown.name))}


def layered(marks: Iterable[Mark]) -> list[list[Mark]]:
    """Those of one name together, the one that counts first; sorted by name."""
    ordered = sorted(marks, key=lambda mark: (mark.name, -ORDER.index(mark.origin)))
    return [list(group) for _, group in groupby(ordered, key=lambda mark: mark.name)]


def first_good(
    marks: Sequence[Mark], *, kept: Mapping[Mark, Shown], rows: Mapping[UUID, CatalogModel], today: date
) -> Shown | None:
    for place, mark in enumerate(marks):
        overrides = place + 1 < len(marks)
        known = kept.get(mark)
        if known is not None and known.overrides == overrides:
            return known
        if known is None and mark.id not in rows:  # removed since the marks were read
            continue
        try:
            entry = known.entry if known else entry_of(rows[mark.id])
        except BadRequest as error:
            log.warning("catalogue_entry_was_not_understood", entry=mark.name, reason=error.message)
            continue
        return shown_of(mark, entry, overrides=overrides, today=today)
    return None


def shown_of(mark: Mark, entry: CatalogueEntry, *, overrides: bool, today: date, listed: bool = True) -> Shown:
    answer = CatalogueAnswer(
        id=mark.name,
        task=entry.task.value,
        family=entry.family,
        listed=listed,
        origin=mark.origin,
        overrides=overrides,
        entry=entry,
        warnings=advice_answers(entry, today=today),
    )
    day = None if entry.retired is None else today
    return Shown(mark, overrides, entry.order, day, answer.model_dump_json().encode())
