"""Write an audit entry, and chain the entries of a transaction right before it is committed."""

from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session

from control_plane.access.domain import Principal
from control_plane.audit import repository
from control_plane.audit.chain import Head, Verdict, entry_hash, verify
from control_plane.audit.masking import masked
from control_plane.audit.tables import AuditEntry

UNSEALED = "unsealed_audit_entries"


def record(
    session: Session,
    principal: Principal,
    action: str,
    target: str,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> AuditEntry:
    """Add an entry to this transaction. `action` is `noun.verb` (`key.create`), `target` a public id or a name; what
    belongs to a project sets the entry's `project_id`.

    Never put a secret into `before` or `after`; what looks like one is masked all the same.
    """
    entry = AuditEntry(
        actor_kind=principal.kind,
        actor_id=principal.user_id,
        actor_name=principal.name,
        action=action,
        target=target,
        before=masked(before),
        after=masked(after),
        request_id=principal.request_id,
        address=principal.address,
        via=principal.via,
        proof_id=principal.proof_id,
    )
    session.add(entry)
    session.info[UNSEALED] = True
    return entry


@event.listens_for(Session, "before_commit")
def seal_at_the_end(session: Session) -> None:
    """The head's lock is the last one that a transaction takes, so waiting for it cannot end in a deadlock, and it is
    held for the commit only.
    """
    if session.info.pop(UNSEALED, False):
        session.flush()
        seal(session)


def seal(session: Session) -> int:
    """Chain every entry that is not yet; returns how many. Hashes are over what the database gives back, because it
    may spell a number otherwise than we did.
    """
    head = repository.locked_head(session)
    unsealed = repository.unsealed_entries(session)
    for entry in unsealed:
        sequence, previous = head.sequence + 1, head.hash
        said = entry_hash(entry.content(), sequence=sequence, previous_hash=previous)
        entry.sequence, entry.previous_hash, entry.hash = sequence, previous, said
        head.sequence, head.hash = sequence, said
    session.flush()
    return len(unsealed)


def check_chain(session: Session) -> Verdict:
    """Reads every entry once, a thousand at a time. The head comes first: entries that are added while this reads are
    left out.
    """
    row = repository.head(session)
    head = Head(row.sequence, row.hash)
    entries = repository.chained_entries(session, up_to=head.sequence)
    return verify((entry.link() for entry in entries), head=head)
