"""An admin's own entries: added all or none, replaced, removed.

Nothing that runs needs an entry: a version keeps what its engine must know from the day of its import. So an entry may
be removed while models of it are served; only one that another entry names as its successor stays.
"""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from appliance.base.errors import BadRequest, NotFound
from appliance.engines.pack import pack_names
from control_plane.access.domain import Principal
from control_plane.audit.service import record
from control_plane.catalogue import repository
from control_plane.catalogue.service import write_entry
from control_plane.catalogue.tables import CatalogModel, Origin
from model_catalog.admission import require_admissible
from model_catalog.schema import CatalogueEntry

CARRIED = (Origin.RELEASE, Origin.UPDATE)


def add_entries(
    session: Session,
    principal: Principal,
    entries: Sequence[CatalogueEntry],
    *,
    overrides: bool,
    replaces: bool = False,
) -> None:
    """Raises BadRequest that names the entry. `overrides`: they may take names of the appliance's own entries;
    `replaces`: and of custom ones.
    """
    repository.begin_change(session)
    own = {row.name: row for row in repository.all_rows(session, origin=Origin.CUSTOM)}
    taken = set[str]() if replaces else set(own)
    for number, entry in enumerate(entries):
        if entry.name in taken:
            raise BadRequest(
                f"There is a custom entry {entry.name!r} already.",
                hint="Replace it (`appliance models add FILE --replace`), or choose another name.",
                param=f"entries.{number}.name",
                code="name_taken",
            )
        taken.add(entry.name)
    require_good(session, entries, overrides=overrides)
    for entry in entries:
        write_custom(session, principal, entry, row=own.get(entry.name))
    session.flush()


def replace_entry(session: Session, principal: Principal, entry: CatalogueEntry, *, overrides: bool) -> None:
    repository.begin_change(session)
    row = find_custom(session, entry.name)
    require_good(session, [entry], overrides=overrides)
    write_custom(session, principal, entry, row=row)
    session.flush()


def write_custom(session: Session, principal: Principal, entry: CatalogueEntry, *, row: CatalogModel | None) -> None:
    before = row.entry if row else None
    after = write_entry(session, entry, origin=Origin.CUSTOM, row=row).entry
    action = "catalogue_entry.replace" if row else "catalogue_entry.add"
    record(session, principal, action, entry.name, before=before, after=after)


def remove_entry(session: Session, principal: Principal, name: str) -> None:
    """What it overrode counts again."""
    repository.begin_change(session)
    row = find_custom(session, name)
    others = [other for other in repository.predecessors(session, name) if other != name]
    if others and name not in repository.names(session, origins=CARRIED):
        raise BadRequest(
            f"The catalogue entry {others[0]!r} names {name!r} as its successor.",
            hint=f"Change or remove {', '.join(others)} first.",
            param="name",
            code="entry_needed",
        )
    record(session, principal, "catalogue_entry.remove", name, before=row.entry)
    session.delete(row)
    session.flush()


def find_custom(session: Session, name: str) -> CatalogModel:
    row = repository.by_name_and_origin(session, name, origin=Origin.CUSTOM)
    if row is None:
        raise NotFound(
            f"There is no custom entry {name[:80]!r}.",
            hint="See `appliance models`; entries of the release and of updates are not changed.",
            param="name",
        )
    return row


def require_good(session: Session, entries: Sequence[CatalogueEntry], *, overrides: bool) -> None:
    carried = repository.names(session, origins=CARRIED)
    known = {*carried, *repository.names(session, origins=[Origin.CUSTOM]), *(entry.name for entry in entries)}
    for number, entry in enumerate(entries):
        require_admissible(entry)
        if entry.name in carried and not overrides:
            raise BadRequest(
                f"The appliance's own catalogue has an entry {entry.name!r}.",
                hint="Choose another name, or say `overrides` (`--override`) to put yours in its place.",
                param=f"entries.{number}.name",
                code="name_carried",
            )
        if entry.engine.pack is not None and entry.engine.pack not in pack_names():
            raise BadRequest(
                f"`{entry.name}`: engine.pack: there is no engine pack {entry.engine.pack[:80]!r}.",
                hint="See `appliance engines list`.",
                param=f"entries.{number}.engine.pack",
            )
        if entry.successor_name is not None and entry.successor_name not in known:
            raise BadRequest(
                f"`{entry.name}`: successor: the catalogue has no {entry.successor_name!r}.",
                param=f"entries.{number}.successor",
            )
