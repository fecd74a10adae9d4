"""What an entry that did not come with the release must keep to beside the schema: an admin's own, or an update's.

The schema takes any number, and fit makes as many layers as an entry says: so figures, and the numbers of a `config`,
are bounded here, before anything is reckoned from them.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import cast

from pydantic import BaseModel, ValidationError

from appliance.base.errors import BadRequest
from model_catalog.schema import CatalogueEntry, Figure
from model_catalog.strict_yaml import parse_yaml

MOST_FILE_BYTES = 1024**2
MOST_PARTS = 20_000
"""Of one entry; the largest models have a few hundred files in each form."""

MOST_VALUE = 10**15
"""A petabyte, or a quadrillion parameters: no figure of a model comes near."""

MOST_COUNT = 4096
COUNTED = ("layers", "heads")
"""Figures whose names end so are whole numbers up to `MOST_COUNT`."""

COUNTED_IN_CONFIG = ("layers", "heads", "experts", "n_layer", "n_head", "interval", "depth")
"""Names of config.json by which fit counts."""

DIVISORS = ("architecture.", "context", "variants.weight_bytes")
"""Figures that something is divided by, or that nothing runs without."""

MAY_BE_NONE = {f"architecture.{kind}_layers" for kind in ("sliding_window", "recurrent", "stateless")}


def read_entries(path: Path) -> tuple[CatalogueEntry, ...]:
    """A file in the form of the shipped ones, but named and ordered as its author likes.

    Raises BadRequest that names the file, the entry and the field.
    """
    document = read_plain_yaml(path)
    if not isinstance(document, list) or not document:
        raise refused(path, "it must be a list of entries, each beginning with `- name:`")
    try:
        return entries_of(cast("list[object]", document))
    except BadRequest as error:
        raise refused(path, error.message.removesuffix(".")) from error


def entries_of(documents: Sequence[object]) -> tuple[CatalogueEntry, ...]:
    """Raises BadRequest that names the first wrong entry and its field.

    One after the other, and each of a bounded number of parts: pydantic keeps more than a kilobyte for every error.
    """
    found: dict[str, CatalogueEntry] = {}
    for number, document in enumerate(documents):
        require_few_parts(document, number=number)
        try:
            entry = CatalogueEntry.model_validate(document)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            said = ": ".join(filter(None, (called(document, number=number), where, str(first["msg"]))))
            raise BadRequest(f"{said}.", param=where, code="entry_refused") from error
        require_admissible(entry)
        if entry.name in found:
            raise BadRequest(f"`{entry.name}` is there twice.", code="entry_refused")
        found[entry.name] = entry
    return tuple(found.values())


def require_few_parts(document: object, *, number: int) -> None:
    left, counted = [document], 0
    while left:
        part = left.pop()
        counted += 1
        if isinstance(part, dict):
            left += cast("dict[object, object]", part).values()
        elif isinstance(part, list):
            left += cast("list[object]", part)
        if counted + len(left) > MOST_PARTS:
            name = called(document, number=number)
            raise BadRequest(f"{name}: it has more than {MOST_PARTS:,} parts.", code="entry_refused")


def called(document: object, *, number: int) -> str:
    """`my-model`; by its number where it has no name."""
    name = cast("dict[object, object]", document).get("name") if isinstance(document, dict) else None
    return f"`{name[:80]}`" if isinstance(name, str) else f"entry {number + 1}"


def read_plain_yaml(path: Path) -> object:
    """Raises BadRequest; a file over `MOST_FILE_BYTES` is not read."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST_FILE_BYTES + 1)
        if len(content) > MOST_FILE_BYTES:
            raise refused(path, f"it is larger than {MOST_FILE_BYTES // 1024} KiB; split it")
        return parse_yaml(content.decode())
    except (OSError, ValueError) as error:
        raise refused(path, " ".join(str(error).split())) from error


def refused(path: Path, what: str) -> BadRequest:
    return BadRequest(
        f"Catalogue file {path}: {what}.",
        hint="The form is that of the shipped entries; `appliance models show NAME` prints one.",
    )


def require_admissible(entry: CatalogueEntry) -> None:
    """Raises BadRequest that names the entry and the field."""
    for variant in entry.variants:
        if variant.source.kind != "hub":
            raise unfit(entry, "variants.source", "`bundled` and `package` name files of the release; use `hub`")
    if any(flag.replace("_", "-").casefold().startswith("--trust") for flag in entry.engine.args):
        raise unfit(entry, "engine.args", "code that comes with weights is never run")
    for place, figure in figures_of(entry):
        if problem := problem_of(place, figure):
            raise unfit(entry, place, problem)
    for place, number in numbers_of(entry.config.values if entry.config else {}, "config"):
        if not abs(number) <= (MOST_COUNT if place.endswith(COUNTED_IN_CONFIG) else MOST_VALUE):
            raise unfit(entry, place, f"must be up to {MOST_COUNT} for a count, {MOST_VALUE:.0e} else")


def numbers_of(part: object, place: str) -> Iterator[tuple[str, float]]:
    """Every number in a config.json with its place; true and false are none."""
    if isinstance(part, bool):
        return
    if isinstance(part, int | float):
        yield place, part
    elif isinstance(part, dict):
        named = cast("dict[str, object]", part).items()
        yield from chain.from_iterable(numbers_of(each, f"{place}.{name}") for name, each in named)
    elif isinstance(part, list):
        yield from chain.from_iterable(numbers_of(each, place) for each in cast("list[object]", part))


def problem_of(place: str, figure: Figure) -> str | None:
    value = figure.value
    if not math.isfinite(value) or not 0 <= value <= MOST_VALUE:
        return f"must be from 0 to {MOST_VALUE:.0e}"
    if place.endswith(COUNTED) and (value != int(value) or value > MOST_COUNT):
        return f"must be a whole number up to {MOST_COUNT}"
    if value < 1 and place.startswith(DIVISORS) and place not in MAY_BE_NONE:
        return "must be at least 1"
    return None


def unfit(entry: CatalogueEntry, place: str, problem: str) -> BadRequest:
    return BadRequest(f"`{entry.name}`: {place}: {problem}.", param=place, code="entry_refused")


def figures_of(part: object, place: str = "") -> Iterator[tuple[str, Figure]]:
    """Every figure in it with its place, such as `architecture.head_dim`; parts of a list share their place."""
    if isinstance(part, Figure):
        yield place, part
    elif isinstance(part, BaseModel):
        named = ((name, getattr(part, name)) for name in type(part).model_fields)
        yield from chain.from_iterable(figures_of(each, f"{place}.{name}" if place else name) for name, each in named)
    elif isinstance(part, tuple):
        yield from chain.from_iterable(figures_of(each, place) for each in cast("tuple[object, ...]", part))
    elif isinstance(part, dict):
        named = cast("dict[object, object]", part).items()
        yield from chain.from_iterable(figures_of(each, f"{place}.{name}") for name, each in named)
