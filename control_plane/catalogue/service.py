"""Keep the release's rows in step with its YAML entries, and find the entry that counts."""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from pydantic import ValidationError
from sqlalchemy.orm import Session

from appliance.base import clock
from appliance.base.errors import BadRequest, ModelNotFound
from control_plane.catalogue import repository
from control_plane.catalogue.tables import CatalogModel, Origin
from model_catalog.catalogue import load_catalogue
from model_catalog.schema import CatalogueEntry
from model_catalog.updates.reading import RELEASED_SEQUENCE


def sync_catalogue(session: Session, *, entries: Mapping[str, CatalogueEntry] | None = None) -> None:
    """Write what the release carries; entries that it no longer carries are marked, as versions may still name them.

    What is right already is left alone, so that what was worked out from it still holds. Entries of an update that the
    release contains go.
    """
    current = load_catalogue() if entries is None else entries
    rows = {row.name: row for row in repository.all_rows(session, origin=Origin.RELEASE)}
    changed = [entry for name, entry in current.items() if not is_written(rows.get(name), entry)]
    gone = [row for name, row in rows.items() if name not in current and row.removed_at is None]
    outdated = repository.highest_update(session) <= RELEASED_SEQUENCE and bool(
        repository.names(session, origins=[Origin.UPDATE])
    )
    if not (changed or gone or outdated):
        return
    repository.begin_change(session)
    for entry in changed:
        write_entry(session, entry, origin=Origin.RELEASE, row=rows.get(entry.name))
    for row in gone:
        row.removed_at = clock.now()
    if outdated:
        repository.delete_origin(session, Origin.UPDATE)
    session.flush()


def is_written(row: CatalogModel | None, entry: CatalogueEntry) -> bool:
    return row is not None and row.removed_at is None and row.digest == digest_of(document_of(entry))


def write_entry(session: Session, entry: CatalogueEntry, *, origin: Origin, row: CatalogModel | None) -> CatalogModel:
    """Into its row, or a new one; the caller has begun the change."""
    written = row or CatalogModel(name=entry.name, origin=origin)
    written.family, written.task = entry.family, entry.task.value
    written.entry = document_of(entry)
    written.digest = digest_of(written.entry)
    written.removed_at = None
    session.add(written)
    return written


def document_of(entry: CatalogueEntry) -> dict[str, Any]:
    return entry.model_dump(mode="json")


def digest_of(document: dict[str, Any]) -> str:
    return sha256(json.dumps(document, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def find_row(session: Session, name: str) -> CatalogModel:
    row = repository.by_name(session, name)
    if row is None:
        raise ModelNotFound(f"The catalogue has no model {name[:80]!r}.", hint="See `appliance models`.", param="model")
    return row


def entry_of(row: CatalogModel) -> CatalogueEntry:
    """Raises BadRequest where a newer release no longer understands what was written by an older one."""
    try:
        return CatalogueEntry.model_validate(row.entry)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise BadRequest(
            f"This release does not understand the {row.origin.value} entry {row.name}: {place}: {first['msg']}.",
            hint="Mend its file and add it again with `--replace`, or remove it.",
            code="entry_outdated",
        ) from error


def find_entry(session: Session, name: str) -> CatalogueEntry:
    return entry_of(find_row(session, name))


def entry_if_known(session: Session, name: str) -> CatalogueEntry | None:
    """For what an entry only adds to: None too where this release does not understand it."""
    row = repository.by_name(session, name)
    try:
        return entry_of(row) if row else None
    except BadRequest:
        return None
