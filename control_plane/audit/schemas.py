"""An audit entry on the wire."""

from typing import Any, Literal

from pydantic import BaseModel

from appliance.base.ids import public_id
from control_plane.access.domain import PrincipalKind
from control_plane.audit.tables import AuditEntry


class AuditAnswer(BaseModel):
    object: Literal["audit_entry"] = "audit_entry"
    id: str
    created_at: int
    actor_kind: PrincipalKind
    actor_id: str | None
    actor_name: str
    action: str
    target: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    request_id: str | None
    address: str | None


def audit_answer(entry: AuditEntry) -> AuditAnswer:
    return AuditAnswer(
        id=public_id("audit", entry.id),
        created_at=int(entry.created_at.timestamp()),
        actor_kind=entry.actor_kind,
        actor_id=public_id("user", entry.actor_id) if entry.actor_id else None,
        actor_name=entry.actor_name,
        action=entry.action,
        target=entry.target,
        before=entry.before,
        after=entry.after,
        request_id=entry.request_id,
        address=entry.address,
    )
