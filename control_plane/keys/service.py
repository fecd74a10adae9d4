"""Make, change, rotate and revoke API keys."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from appliance.base import clock
from appliance.base.errors import BadRequest, Forbidden, NotFound
from appliance.base.ids import new_uuid, parse_public_id, public_id
from control_plane.access.domain import SYSTEM, Principal, Via
from control_plane.access.policy import Permission, may
from control_plane.audit.service import record
from control_plane.database.nudge import SNAPSHOT
from control_plane.database.session import nudge
from control_plane.keys import repository
from control_plane.keys.domain import KeySecret, checked_networks, checked_scopes, new_key_secret
from control_plane.keys.tables import ApiKey
from control_plane.tenants.repository import project_by_id
from control_plane.tenants.service import default_project

FIRST_KEY_NAME = "first key"


@dataclass(frozen=True, kw_only=True)
class NewKey:
    """What an admin decides of a key; `project_id` None is the default project. With `service_account_id` it belongs to
    that one, else to whoever makes it.
    """

    name: str
    project_id: UUID | None = None
    service_account_id: UUID | None = None
    allowed_models: list[str] | None = None
    expires_at: datetime | None = None
    scopes: list[str] | None = None
    allowed_networks: list[str] | None = None


@dataclass(frozen=True, kw_only=True)
class KeyChange:
    """The fields that were sent; the others stay."""

    fields: Mapping[str, object]


def create_key(session: Session, principal: Principal, wanted: NewKey) -> tuple[ApiKey, KeySecret]:
    """The row, and the secret for the one answer that shows it."""
    refuse_past(wanted.expires_at)
    project_id = wanted.project_id or default_project(session).id
    project = project_by_id(session, project_id)
    if project is None or project.archived_at is not None or not principal.reach.covers(project_id):
        raise NotFound("There is no such project.", param="project_id")
    if principal.via is Via.API_KEY and principal.user_id is None and wanted.service_account_id is None:
        raise Forbidden(
            "A service account makes no keys of its own this way.",
            hint="POST /v1/organization/projects/{project_id}/service_accounts/{id}/api_keys makes one.",
        )
    secret = new_key_secret()
    return add_key(session, principal, secret, wanted=wanted, project_id=project_id), secret


def refuse_past(expires_at: datetime | None) -> None:
    if expires_at is not None and expires_at <= clock.now():
        raise BadRequest("`expires_at` lies in the past.", param="expires_at")


def add_key(session: Session, principal: Principal, secret: KeySecret, *, wanted: NewKey, project_id: UUID) -> ApiKey:
    key = ApiKey(
        id=new_uuid(),
        project_id=project_id,
        user_id=None if wanted.service_account_id else principal.user_id,
        service_account_id=wanted.service_account_id,
        name=wanted.name,
        display_id=secret.display_id,
        digest=secret.digest,
        allowed_models=wanted.allowed_models,
        scopes=checked_scopes(wanted.scopes),
        allowed_networks=checked_networks(wanted.allowed_networks),
        expires_at=wanted.expires_at,
    )
    session.add(key)
    entry = record(session, principal, "key.create", public_id("key", key.id), after=shown(key))
    entry.project_id = project_id
    nudge(session, SNAPSHOT)
    session.flush()
    return key


def find_key(session: Session, principal: Principal, public: str) -> ApiKey:
    """Locked. Raises NotFound also for a key of a project that the principal cannot see."""
    key_id = parse_public_id("key", public)
    key = repository.locked_key(session, key_id) if key_id else None
    if key is None or not principal.reach.covers(key.project_id):
        raise NotFound(f"There is no key {public[:80]!r}.", param="key_id")
    return key


def own_key(session: Session, principal: Principal, public: str) -> ApiKey:
    """To change it: one's own, or anybody's for who may."""
    key = find_key(session, principal, public)
    is_own = key.user_id is not None and key.user_id == principal.user_id
    if not is_own and not may(principal, Permission.KEYS_OF_OTHERS_WRITE, project_id=key.project_id):
        raise Forbidden("This key is somebody else's.", hint="Ask an admin of its project.", param="key_id")
    return key


def change_key(session: Session, principal: Principal, public: str, change: KeyChange) -> ApiKey:
    """`name`, `allowed_models`, `scopes`, `allowed_networks`, `expires_at`."""
    key, fields = own_key(session, principal, public), dict(change.fields)
    if key.revoked_at is not None:
        raise BadRequest("The key is revoked.", param="key_id", code="key_revoked")
    before = shown(key)
    for name, value in fields.items():
        setattr(key, name, value)
    if "expires_at" in fields:
        refuse_past(key.expires_at)
    key.scopes, key.allowed_networks = checked_scopes(key.scopes), checked_networks(key.allowed_networks)
    if shown(key) != before:
        entry = record(session, principal, "key.update", public, before=before, after=shown(key))
        entry.project_id = key.project_id
        nudge(session, SNAPSHOT)
    session.flush()
    return key


def rotate_key(
    session: Session, principal: Principal, public: str, *, overlap_seconds: int
) -> tuple[ApiKey, KeySecret]:
    """A new secret now; the old one lives on for the overlap, and one from a rotation before ends at once.

    The key stays the same one, with its id and the part of the secret that is shown: limits and usage go on, and the
    first key is not made again from the home's file.
    """
    key = own_key(session, principal, public)
    if key.revoked_at is not None:
        raise BadRequest("The key is revoked; make a new one.", param="key_id", code="key_revoked")
    secret, ends = new_key_secret(key.display_id), clock.now() + timedelta(seconds=overlap_seconds)
    if key.expires_at is not None:
        ends = min(ends, key.expires_at)
    key.previous_digest, key.previous_expires_at = (key.digest, ends) if overlap_seconds else (None, None)
    key.digest = secret.digest
    after = {"name": key.name, "overlap_seconds": overlap_seconds}
    record(session, principal, "key.rotate", public, after=after).project_id = key.project_id
    nudge(session, SNAPSHOT)
    session.flush()
    return key, secret


def revoke_key(session: Session, principal: Principal, public: str) -> ApiKey:
    """Idempotent: revoking again changes nothing. Raises NotFound."""
    key = own_key(session, principal, public)
    if key.revoked_at is None:
        end_key(session, principal, key)
    return key


def end_key(session: Session, principal: Principal, key: ApiKey) -> None:
    key.revoked_at = clock.now()
    entry = record(session, principal, "key.revoke", public_id("key", key.id), before=shown(key))
    entry.project_id = key.project_id
    nudge(session, SNAPSHOT)


def ensure_first_key(session: Session, secret: KeySecret, *, project_id: UUID, user_id: UUID) -> None:
    """The key whose secret lies in the home; a revoked one stays revoked, and so does one that was rotated since."""
    if repository.key_by_display_id(session, secret.display_id) is not None:
        return
    key = add_key(session, SYSTEM, secret, wanted=NewKey(name=FIRST_KEY_NAME), project_id=project_id)
    key.user_id = user_id


def shown(key: ApiKey) -> dict[str, object]:
    """For the audit log: all but the secret."""
    return {
        "name": key.name,
        "display_id": key.display_id,
        "project_id": public_id("proj", key.project_id),
        "user_id": public_id("user", key.user_id) if key.user_id else None,
        "service_account_id": public_id("svc", key.service_account_id) if key.service_account_id else None,
        "allowed_models": key.allowed_models,
        "scopes": key.scopes,
        "allowed_networks": key.allowed_networks,
        "expires_at": key.expires_at.isoformat() if key.expires_at else None,
    }
