"""Entries as a command sees them: of the running appliance with an admin's own, of a file, or of the release."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from appliance.base.errors import BadRequest, SetupError
from appliance.base.paths import Home
from installer.admin_client import AdminClient
from model_catalog.admission import read_entries
from model_catalog.catalogue import in_display_order, load_catalogue
from model_catalog.schema import CatalogueEntry

SHIPPED_ONLY = "The appliance does not answer: these are the entries that ship with it, without your own and updates."
YAML = (".yaml", ".yml")


@dataclass(frozen=True)
class KnownEntries:
    """By name, in the order in which people see them. `note`: what they lack."""

    entries: Mapping[str, CatalogueEntry]
    note: str | None = None


def known_entries(home: Home) -> KnownEntries:
    try:
        with AdminClient(home) as api:
            rows = api.every("/catalogue")
    except SetupError:
        return KnownEntries(by_name(in_display_order(load_catalogue().values())), note=SHIPPED_ONLY)
    return KnownEntries(by_name([CatalogueEntry.model_validate(row["entry"]) for row in rows]))


def entries_of_file(path: Path) -> KnownEntries:
    """Raises BadRequest that names the file, the entry and the field."""
    return KnownEntries(by_name(read_entries(path)))


def is_entry_file(name: str) -> bool:
    return name.endswith(YAML)


def only_entry(found: KnownEntries, *, path: str, name: str | None) -> CatalogueEntry:
    """The entry `name` of a file; without a name its only one."""
    if name is None and len(found.entries) == 1:
        return next(iter(found.entries.values()))
    if name is not None and name in found.entries:
        return found.entries[name]
    wrong = f"has no entry `{name}`" if name else f"has {len(found.entries)} entries"
    raise BadRequest(f"{path} {wrong}.", hint=f"Say which with `--entry`: {', '.join(found.entries)}.", param="entry")


def by_name(entries: list[CatalogueEntry] | tuple[CatalogueEntry, ...]) -> dict[str, CatalogueEntry]:
    return {entry.name: entry for entry in entries}
