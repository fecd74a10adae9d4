"""Read the catalogue: every file below `entries/`, validated, in order, names unique."""

from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from appliance.base.errors import NotFound, SetupError
from model_catalog.schema import CatalogueEntry
from model_catalog.strict_yaml import parse_yaml

PACKAGE_FOLDER = Path(__file__).resolve().parent
ENTRIES_FOLDER = PACKAGE_FOLDER / "entries"

FAMILY_FILE: TypeAdapter[tuple[CatalogueEntry, ...]] = TypeAdapter(tuple[CatalogueEntry, ...])


Stamp = tuple[Path, int, int]
"""A file as it was when it was read: path, time of its last change in ns, bytes."""


def load_catalogue(folder: Path = ENTRIES_FOLDER) -> dict[str, CatalogueEntry]:
    """All entries by name, sorted; raises SetupError that names the file, the entry and the field.

    Files are read again only when one has changed.
    """
    return dict(read_catalogue(folder, stamps(folder)))


def stamps(folder: Path) -> tuple[Stamp, ...]:
    found = ((path, path.stat()) for path in sorted(folder.glob("*.yaml")))
    return tuple((path, stat.st_mtime_ns, stat.st_size) for path, stat in found)


@lru_cache(maxsize=4)
def read_catalogue(folder: Path, files: tuple[Stamp, ...]) -> dict[str, CatalogueEntry]:
    entries: dict[str, CatalogueEntry] = {}
    for path, _, _ in files:
        for entry in load_family(path):
            if entry.name in entries:
                raise wrong(path, f"`{entry.name}` is in the catalogue twice")
            entries[entry.name] = entry
    for entry in entries.values():
        if entry.successor_name is not None and entry.successor_name not in entries:
            raise wrong(folder, f"`{entry.name}` names a successor `{entry.successor_name}` that is not there")
    return dict(sorted(entries.items()))


def in_display_order(entries: Iterable[CatalogueEntry]) -> list[CatalogueEntry]:
    """As people see them: by `order`, then by name."""
    return sorted(entries, key=lambda entry: (entry.order, entry.name))


def find_entry(name: str, *, folder: Path = ENTRIES_FOLDER) -> CatalogueEntry:
    entry = load_catalogue(folder).get(name)
    if entry is None:
        raise NotFound(f"The catalogue has no model `{name}`.", hint="See `appliance models`.", param="name")
    return entry


def load_family(path: Path) -> tuple[CatalogueEntry, ...]:
    """The entries of one file, which is named after their family and sorted by name."""
    try:
        entries = FAMILY_FILE.validate_python(read_yaml(path))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise wrong(path, f"{place}: {first['msg']}") from error
    names = [entry.name for entry in entries]
    for earlier, later in pairwise(names):
        if later < earlier:
            raise wrong(path, f"`{later}` stands after `{earlier}`; entries are sorted by name")
    for entry in entries:
        if entry.family != path.stem:
            raise wrong(path, f"`{entry.name}` has family `{entry.family}`; the file says `{path.stem}`")
    return entries


def read_yaml(path: Path) -> Any:
    try:
        return parse_yaml(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:  # UnicodeDecodeError is a ValueError
        raise wrong(path, str(error)) from error


def wrong(path: Path, what: str) -> SetupError:
    return SetupError(
        f"Catalogue {path}: {what}.", hint="Mend the file; editors can check it with entries/schema.json."
    )
