"""An audit entry on the wire: ours, and as OpenAI's admin API writes one.

OpenAI's shape: openai-python, `types/admin/organization/audit_log_list_response.py`. Its event types have other names
for some of our actions; what it has no word for goes under our own.
"""

from typing import Any, Literal

from pydantic import BaseModel

from appliance.base.ids import public_id
from control_plane.access.domain import PrincipalKind, Via
from control_plane.audit.chain import Verdict
from control_plane.audit.tables import AuditEntry

EVENT_TYPES = {
    "key.create": "api_key.created",
    "key.update": "api_key.updated",
    "key.rotate": "api_key.updated",
    "key.revoke": "api_key.deleted",
    "invite.create": "invite.sent",
    "invite.accept": "invite.accepted",
    "invite.delete": "invite.deleted",
    "session.create": "login.succeeded",
    "session.refuse": "login.failed",
    "session.delete": "logout.succeeded",
    "project.create": "project.created",
    "project.update": "project.updated",
    "project.archive": "project.archived",
    "service_account.create": "service_account.created",
    "service_account.update": "service_account.updated",
    "service_account.delete": "service_account.deleted",
    "user.create": "user.added",
    "user.update": "user.updated",
    "user.delete": "user.deleted",
}
"""Our action, and what OpenAI calls it."""


class AuditAnswer(BaseModel):
    object: Literal["audit_entry"] = "audit_entry"
    id: str
    created_at: int
    actor_kind: PrincipalKind
    actor_id: str | None
    actor_name: str
    via: Via | None
    proof_id: str | None
    action: str
    target: str
    project_id: str | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    request_id: str | None
    address: str | None
    sequence: int | None
    hash: str | None


class FaultAnswer(BaseModel):
    sequence: int
    problem: str


class VerdictAnswer(BaseModel):
    """`head_hash` sums up every entry: kept elsewhere, it proves later that nothing before it was changed."""

    object: Literal["audit_verdict"] = "audit_verdict"
    holds: bool
    entries: int
    head_sequence: int
    head_hash: str
    faults: list[FaultAnswer]


class LogUser(BaseModel):
    id: str | None
    email: str | None = None


class LogSession(BaseModel):
    user: LogUser
    ip_address: str | None


class LogKey(BaseModel):
    id: str | None
    type: Literal["user", "service_account"]
    user: LogUser | None = None


class LogActor(BaseModel):
    type: Literal["session", "api_key"]
    session: LogSession | None = None
    api_key: LogKey | None = None


class AuditLogAnswer(BaseModel):
    """The event's own details stand under a field that is called as `type` says."""

    model_config = {"extra": "allow"}

    object: Literal["organization.audit_log"] = "organization.audit_log"
    id: str
    type: str
    effective_at: int
    actor: LogActor
    project: dict[str, str] | None
    x_action: str
    x_actor_name: str


def audit_answer(entry: AuditEntry) -> AuditAnswer:
    return AuditAnswer(
        id=public_id("audit", entry.id),
        created_at=int(entry.created_at.timestamp()),
        actor_kind=entry.actor_kind,
        actor_id=public_id("user", entry.actor_id) if entry.actor_id else None,
        actor_name=entry.actor_name,
        via=entry.via,
        proof_id=entry.proof_id,
        action=entry.action,
        target=entry.target,
        project_id=public_id("proj", entry.project_id) if entry.project_id else None,
        before=entry.before,
        after=entry.after,
        request_id=entry.request_id,
        address=entry.address,
        sequence=entry.sequence,
        hash=entry.hash,
    )


def verdict_answer(verdict: Verdict) -> VerdictAnswer:
    return VerdictAnswer(
        holds=verdict.holds,
        entries=verdict.entries,
        head_sequence=verdict.head.sequence,
        head_hash=verdict.head.hash,
        faults=[FaultAnswer(sequence=fault.sequence, problem=fault.problem) for fault in verdict.faults],
    )


def audit_log_answer(entry: AuditEntry) -> AuditLogAnswer:
    kind = EVENT_TYPES.get(entry.action, entry.action)
    project = {"id": public_id("proj", entry.project_id), "name": ""} if entry.project_id else None
    details = {
        "id": entry.target,
        **({"data": entry.after} if entry.after else {}),
        **({"changes_requested": entry.after} if entry.after and entry.before else {}),
        **({"x_before": entry.before} if entry.before else {}),
    }
    return AuditLogAnswer.model_validate(
        {
            "id": public_id("audit", entry.id),
            "type": kind,
            "effective_at": int(entry.created_at.timestamp()),
            "actor": actor_of(entry),
            "project": project,
            "x_action": entry.action,
            "x_actor_name": entry.actor_name,
            kind: details,
        }
    )


def actor_of(entry: AuditEntry) -> LogActor:
    user = LogUser(id=public_id("user", entry.actor_id) if entry.actor_id else None)
    if entry.via in (Via.ADMIN_KEY, Via.API_KEY):
        kind = "user" if entry.actor_id else "service_account"
        return LogActor(type="api_key", api_key=LogKey(id=entry.proof_id, type=kind, user=user))
    return LogActor(type="session", session=LogSession(user=user, ip_address=entry.address))


def exported(entry: AuditEntry) -> dict[str, Any]:
    """One line of the export: what the hash is over, and the hash."""
    return {
        **entry.content(),
        "sequence": entry.sequence,
        "previous_hash": entry.previous_hash,
        "hash": entry.hash,
    }
