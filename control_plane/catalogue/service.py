"""Keep the rows in step with the YAML entries."""

from collections.abc import Mapping

from sqlalchemy.orm import Session

from appliance.base import clock
from appliance.base.errors import ModelNotFound
from control_plane.catalogue import repository
from control_plane.catalogue.tables import CatalogModel
from model_catalog.catalogue import load_catalogue
from model_catalog.schema import CatalogueEntry


def sync_catalogue(session: Session, *, entries: Mapping[str, CatalogueEntry] | None = None) -> None:
    """Write what the release carries; entries that it no longer carries are marked, as versions may still name them."""
    current = load_catalogue() if entries is None else entries
    rows = {row.name: row for row in repository.all_rows(session)}
    for name, entry in current.items():
        row = rows.get(name) or CatalogModel(name=name)
        row.family = entry.family
        row.task = entry.task.value
        row.entry = entry.model_dump(mode="json")
        row.removed_at = None
        session.add(row)
    for name, row in rows.items():
        if name not in current and row.removed_at is None:
            row.removed_at = clock.now()
    session.flush()


def find_row(session: Session, name: str) -> CatalogModel:
    row = repository.by_name(session, name)
    if row is None:
        raise ModelNotFound(f"The catalogue has no model {name[:80]!r}.", hint="See `appliance models`.", param="model")
    return row


def entry_of(row: CatalogModel) -> CatalogueEntry:
    return CatalogueEntry.model_validate(row.entry)


def find_entry(session: Session, name: str) -> CatalogueEntry:
    return entry_of(find_row(session, name))
