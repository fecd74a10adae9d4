"""Write an audit entry."""

from typing import Any

from sqlalchemy.orm import Session

from control_plane.access.domain import Principal
from control_plane.audit.tables import AuditEntry


def record(
    session: Session,
    principal: Principal,
    action: str,
    target: str,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """Add an entry to this transaction. `action` is `noun.verb` (`key.create`), `target` a public id or a name.

    Never put a secret into `before` or `after`.
    """
    session.add(
        AuditEntry(
            actor_kind=principal.kind,
            actor_id=principal.user_id,
            actor_name=principal.name,
            action=action,
            target=target,
            before=before,
            after=after,
            request_id=principal.request_id,
            address=principal.address,
        )
    )
