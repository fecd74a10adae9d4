"""Apply a signed update: its entries take the place of all that the update before it brought."""

from pathlib import Path

from sqlalchemy.orm import Session

from appliance.base import clock
from control_plane.access.domain import Principal
from control_plane.audit.service import record
from control_plane.catalogue import repository
from control_plane.catalogue.service import write_entry
from control_plane.catalogue.tables import AppliedUpdate, Origin
from model_catalog.updates.reading import require_newer, require_successors, trusted_keys, verified_update


def apply_update(session: Session, principal: Principal, document: bytes, *, home: Path) -> AppliedUpdate:
    """`home`: the appliance's, with the keys that are trusted. Raises BadRequest, TooLarge or SetupError."""
    verified = verified_update(document, trusted=trusted_keys(home), now=clock.now())
    update = verified.update
    repository.begin_change(session)
    require_newer(update, applied=repository.highest_update(session))
    require_successors(update.entries, released=repository.names(session, origins=[Origin.RELEASE]))
    repository.delete_origin(session, Origin.UPDATE)
    for entry in update.entries:
        write_entry(session, entry, origin=Origin.UPDATE, row=None)
    applied = AppliedUpdate(
        sequence=update.sequence,
        issued_at=update.issued,
        expires_at=update.expires,
        key=verified.key,
        digest=verified.digest,
        entries=len(update.entries),
    )
    session.add(applied)
    after = {"sequence": update.sequence, "entries": len(update.entries), "key": verified.key}
    record(session, principal, "catalogue.update", str(update.sequence), after=after)
    session.flush()
    return applied
