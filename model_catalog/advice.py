"""What people are warned of before they use a model: that it retires, and what its licence asks of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from model_catalog.schema import CatalogueEntry, TracedDay

NEAR = timedelta(days=90)
"""From so long before its retirement on a model is warned of: about what it takes to try another and to move to it."""


class AdviceCode(StrEnum):
    RETIRED = "model_retired"
    RETIRES = "model_retires"
    NOT_COMMERCIAL = "licence_not_commercial"
    CONDITIONS = "licence_conditions"


@dataclass(frozen=True)
class Advice:
    code: AdviceCode
    message: str


def advice_on(entry: CatalogueEntry, *, today: date) -> list[Advice]:
    """Retirement first, as it asks for a change; then the licence."""
    return [*retirement(entry, today=today), *licence(entry)]


def retirement(entry: CatalogueEntry, *, today: date) -> Iterator[Advice]:
    """Of its own day the model counts as retired."""
    if entry.retired is None:
        return
    day = first_day(entry.retired)
    if day - today > NEAR:
        return
    instead = f" Use {entry.successor_name} instead." if entry.successor_name else " The catalogue names no successor."
    source = f"{entry.retired.evidence}: {entry.retired.source}"
    if day <= today:
        yield Advice(AdviceCode.RETIRED, f"{entry.name} is retired since {entry.retired.value} ({source}).{instead}")
    else:
        yield Advice(AdviceCode.RETIRES, f"{entry.name} retires on {entry.retired.value} ({source}).{instead}")


def first_day(said: TracedDay) -> date:
    """A month counts from its first day on."""
    return date.fromisoformat(said.value if said.value.count("-") == 2 else f"{said.value}-01")


def licence(entry: CatalogueEntry) -> Iterator[Advice]:
    found = entry.licence
    note = f" {found.note.en}" if found.note else ""
    text = f"{note} Text: {found.url}"
    if not found.commercial:
        said = f"The licence of {entry.name} ({found.id}) does not allow commercial use."
        yield Advice(AdviceCode.NOT_COMMERCIAL, f"{said}{text}")
    elif found.note:
        yield Advice(AdviceCode.CONDITIONS, f"The licence of {entry.name} ({found.id}) has conditions.{text}")
