"""Which of several entries of one name counts, and what is written of it."""

import json
from datetime import date, timedelta

import pytest

from appliance.base.ids import new_uuid
from control_plane.catalogue.endpoints import list_json
from control_plane.catalogue.repository import Mark
from control_plane.catalogue.schemas import CatalogueAnswer, FitsAnswer, FitsVerdict
from control_plane.catalogue.service import digest_of, document_of
from control_plane.catalogue.shelf import Shown, first_good, layered, shown_of
from control_plane.catalogue.tables import CatalogModel, Origin
from control_plane.database.paging import list_answer
from tests.fixtures.catalogue_entries import entry, raw_entry

DAY = date(2026, 11, 23)


def mark(name: str, origin: Origin) -> Mark:
    return Mark(new_uuid(), name, origin, "digest")


def row(of: Mark, **changes: object) -> CatalogModel:
    return CatalogModel(id=of.id, name=of.name, origin=of.origin, entry={**raw_entry(of.name), **changes})


def shown(name: str) -> Shown:
    made = entry(name, publisher='said "so", 说')
    known = Mark(new_uuid(), name, Origin.CUSTOM, digest_of(document_of(made)))
    return shown_of(known, made, overrides=True, today=DAY)


def test_an_admins_own_counts_before_an_updates_before_the_releases() -> None:
    marks = [
        mark("b", Origin.RELEASE),
        *(mark("a", origin) for origin in (Origin.UPDATE, Origin.RELEASE, Origin.CUSTOM)),
    ]
    found = [[(one.name, one.origin.value) for one in each] for each in layered(marks)]
    assert found == [[("a", "custom"), ("a", "update"), ("a", "release")], [("b", "release")]]


def test_what_cannot_be_read_leaves_its_place_to_the_next() -> None:
    marks = [mark("a", Origin.CUSTOM), mark("a", Origin.RELEASE)]
    good = {one.id: row(one) for one in marks}
    first = first_good(marks, kept={}, rows=good, today=DAY)
    assert first is not None
    assert (first.mark.origin, first.overrides) == (Origin.CUSTOM, True)
    worse = {**good, marks[0].id: row(marks[0], context=8)}
    second = first_good(marks, kept={}, rows=worse, today=DAY)
    assert second is not None
    assert (second.mark.origin, second.overrides) == (Origin.RELEASE, False)
    assert first_good(marks[:1], kept={}, rows=worse, today=DAY) is None
    assert first_good(marks[:1], kept={}, rows={}, today=DAY) is None


def test_what_is_known_is_not_read_again() -> None:
    one = mark("a", Origin.CUSTOM)
    first = first_good([one], kept={}, rows={one.id: row(one)}, today=DAY)
    assert first is not None
    assert first_good([one], kept={one: first}, rows={}, today=DAY) is first
    over = first_good([one, mark("a", Origin.RELEASE)], kept={one: first}, rows={}, today=DAY)
    assert over is not None
    assert (over.overrides, over.entry) == (True, first.entry)


@pytest.mark.parametrize("count", [0, 1, 3])
@pytest.mark.parametrize("fits", [None, FitsAnswer(verdict=FitsVerdict.NEVER, reason='no "room"')])
def test_the_list_is_what_pydantic_would_write(count: int, fits: FitsAnswer | None) -> None:
    items = [shown(f"m{number}") for number in range(count)]
    joined = list_json([item.json(fits) for item in items], [item.name for item in items], has_more=count > 1)
    answers = [CatalogueAnswer.model_validate_json(item.answer).model_copy(update={"fits": fits}) for item in items]
    assert json.loads(joined) == list_answer(answers, has_more=count > 1).model_dump(mode="json")


def test_what_a_day_changes_is_written_anew_on_another() -> None:
    one = mark("a", Origin.CUSTOM)
    said = {"value": "2027-01-31", "evidence": "listing", "source": "made up"}
    rows = {one.id: row(one, retired=said)}
    codes: list[list[str]] = []
    for today in (DAY - timedelta(days=90), DAY, date(2027, 2, 1)):
        found = first_good([one], kept={}, rows=rows, today=today)
        assert found is not None
        assert found.day == today
        codes.append([each["code"] for each in json.loads(found.answer)["warnings"]])
    assert codes == [[], ["model_retires"], ["model_retired"]]
    assert shown("b").day is None
