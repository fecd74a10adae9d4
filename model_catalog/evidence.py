"""How what the catalogue says is known, counted: for docs/catalogue.md, and to see what is still unverified."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import cast

from pydantic import BaseModel

from model_catalog.schema import CatalogueEntry, Evidence

FACTS = {
    "Figure": "figures",
    "PublishedConfig": "config.json",
    "ChatFormat": "chat formats",
    "SamplingDefaults": "sampling defaults",
    "Words": "names of layers",
    "Infill": "templates to fill gaps",
    "Licence": "licences",
    "TracedHubId": "hub ids",
    "TracedDay": "dates",
    "TracedName": "successors",
}
"""Every part of an entry that has evidence, by its class, and what people call it."""


def counts_of(entries: Iterable[CatalogueEntry]) -> dict[str, Counter[Evidence]]:
    found: dict[str, Counter[Evidence]] = {fact: Counter() for fact in FACTS.values()}
    for entry in entries:
        for part in traced(entry):
            evidence = getattr(part, "evidence", None)
            if isinstance(evidence, Evidence):
                found[FACTS[type(part).__name__]][evidence] += 1
    return found


def traced(part: object) -> Iterator[BaseModel]:
    """Every part, however deep it stands, that has evidence."""
    if isinstance(part, BaseModel):
        if "evidence" in type(part).model_fields:
            yield part
        for name in type(part).model_fields:
            yield from traced(getattr(part, name))
    elif isinstance(part, tuple):
        for each in cast("tuple[object, ...]", part):
            yield from traced(each)
