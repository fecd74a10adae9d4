"""What an entry that did not come with the release must keep to beside the schema: an admin's own, or an update's.

The schema takes any number, and fit makes as many layers as an entry says: so figures are bounded here, before anything
is reckoned from them. Files are read without YAML's aliases, by which a small file can stand for an endless one
(YAML 1.2.2, section 7.1, "Alias Nodes").
"""

import math
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, cast

import yaml
from pydantic import BaseModel, ValidationError

from appliance.base.errors import BadRequest
from model_catalog.catalogue import FAMILY_FILE
from model_catalog.schema import CatalogueEntry, Figure

MOST_FILE_BYTES = 1024**2
MOST_VALUE = 10**15
"""A petabyte, or a quadrillion parameters: no figure of a model comes near."""

MOST_COUNT = 4096
COUNTED = ("layers", "heads")
"""Figures whose names end so are whole numbers up to `MOST_COUNT`."""

DIVISORS = ("architecture.", "context", "variants.weight_bytes")
"""Figures that something is divided by, or that nothing runs without."""


def read_entries(path: Path) -> tuple[CatalogueEntry, ...]:
    """A file in the form of the shipped ones, but named and ordered as its author likes.

    Raises BadRequest that names the file, the entry and the field.
    """
    document = read_plain_yaml(path)
    if not isinstance(document, list) or not document:
        raise refused(path, "it must be a list of entries, each beginning with `- name:`")
    listed = cast("list[object]", document)
    try:
        entries = FAMILY_FILE.validate_python(listed)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise refused(path, wrong_field(first["loc"], str(first["msg"]), listed)) from error
    names = [entry.name for entry in entries]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise refused(path, f"`{twice}` is in it twice")
    for entry in entries:
        try:
            require_admissible(entry)
        except BadRequest as error:
            raise refused(path, error.message.removesuffix(".")) from error
    return entries


def read_plain_yaml(path: Path) -> object:
    """Raises BadRequest; a file over `MOST_FILE_BYTES` is not read, one with aliases or too deep nesting refused."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST_FILE_BYTES + 1)
        if len(content) > MOST_FILE_BYTES:
            raise refused(path, f"it is larger than {MOST_FILE_BYTES // 1024} KiB; split it")
        return yaml.load(content.decode(), Loader=WithoutAliases)  # noqa: S506  a SafeLoader
    except (OSError, ValueError, OverflowError, yaml.YAMLError) as error:
        raise refused(path, " ".join(str(error).split())) from error
    except RecursionError as error:
        raise refused(path, "it is nested too deeply") from error


class WithoutAliases(yaml.SafeLoader):
    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):  # pyright: ignore[reportUnknownMemberType]
            raise yaml.YAMLError("YAML aliases (`*name`) are not read here: write the part out")
        return super().compose_node(parent, index)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


def wrong_field(place: tuple[int | str, ...], message: str, documents: list[object]) -> str:
    """`my-model`: engine.pack: Field required; by its number where the entry has no name."""
    index, *field = place
    entry = documents[index] if isinstance(index, int) else None
    name = cast("dict[object, object]", entry).get("name") if isinstance(entry, dict) else None
    called = f"`{name[:80]}`" if isinstance(name, str) else f"entry {int(index) + 1}"
    where = ".".join(str(part) for part in field)
    return f"{called}: {where}: {message}" if where else f"{called}: {message}"


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


def problem_of(place: str, figure: Figure) -> str | None:
    value = figure.value
    if not math.isfinite(value) or not 0 <= value <= MOST_VALUE:
        return f"must be from 0 to {MOST_VALUE:.0e}"
    if place.endswith(COUNTED) and (value != int(value) or value > MOST_COUNT):
        return f"must be a whole number up to {MOST_COUNT}"
    if value < 1 and place.startswith(DIVISORS) and not place.endswith("layers"):
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
