"""What is said of a model before it is used: that it retires, and what its licence asks."""

from datetime import date, timedelta
from typing import Any

import pytest

from model_catalog.advice import NEAR, advice_on
from model_catalog.catalogue import load_catalogue
from tests.fixtures.catalogue_entries import entry, raw_entry

DAY = date(2026, 11, 23)


def said(value: str) -> dict[str, str]:
    return {"value": value, "evidence": "listing", "source": "the publisher's page"}


def codes(*, today: date = DAY, **changes: Any) -> list[str]:
    return [each.code.value for each in advice_on(entry("a", **changes), today=today)]


def message(*, today: date = DAY, **changes: Any) -> str:
    (found,) = advice_on(entry("a", **changes), today=today)
    return found.message


def test_nothing_is_said_of_a_model_that_stays_under_a_free_licence() -> None:
    assert codes() == []
    assert codes(successor=said("b")) == []


@pytest.mark.parametrize(
    ("today", "code"),
    [
        (DAY - NEAR - timedelta(days=1), []),
        (DAY - NEAR, ["model_retires"]),
        (DAY - timedelta(days=1), ["model_retires"]),
        (DAY, ["model_retired"]),
        (DAY + timedelta(days=4000), ["model_retired"]),
    ],
)
def test_a_retirement_is_said_from_three_months_before_on(today: date, code: list[str]) -> None:
    assert codes(today=today, retired=said(DAY.isoformat())) == code


def test_a_month_counts_from_its_first_day_on() -> None:
    assert codes(today=date(2026, 12, 1), retired=said("2026-12")) == ["model_retired"]
    assert codes(today=date(2026, 11, 30), retired=said("2026-12")) == ["model_retires"]


def test_the_successor_is_named_and_how_the_date_is_known() -> None:
    assert (
        message(retired=said("2026-12-24"), successor=said("b"))
        == "a retires on 2026-12-24 (listing: the publisher's page). Use b instead."
    )
    assert message(retired=said("2026-11-02")) == (
        "a is retired since 2026-11-02 (listing: the publisher's page). The catalogue names no successor."
    )


def licence(**changes: Any) -> dict[str, Any]:
    return raw_entry("a")["licence"] | {"id": "made-up", "url": "https://made.up/licence"} | changes


def test_what_a_licence_asks_is_said_with_its_text() -> None:
    note = {"en": "Not above 7 users.", "zh": "不超过七名用户。"}
    assert message(licence=licence(note=note)) == (
        "The licence of a (made-up) has conditions. Not above 7 users. Text: https://made.up/licence"
    )
    assert message(licence=licence(commercial=False, note=note)).startswith(
        "The licence of a (made-up) does not allow commercial use. Not above 7 users."
    )
    assert codes(licence=licence(commercial=False)) == ["licence_not_commercial"]
    assert codes(licence=licence(note=note), retired=said("2026-11-02")) == ["model_retired", "licence_conditions"]


def test_of_the_shipped_entries() -> None:
    """No publisher has withdrawn open weights that the catalogue lists."""
    found = {name: advice_on(entry, today=DAY) for name, entry in load_catalogue().items()}
    assert {each.code.value for advice in found.values() for each in advice} == {
        "licence_not_commercial",
        "licence_conditions",
    }
    assert [each.code.value for each in found["minimax-m2.7"]] == ["licence_not_commercial"]
    assert "European Union" in found["llama-4-scout"][0].message
