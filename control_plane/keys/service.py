"""Make and revoke API keys."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from appliance.base import clock
from appliance.base.errors import BadRequest, NotFound
from appliance.base.ids import new_uuid, public_id
from control_plane.access.domain import SYSTEM, Principal
from control_plane.audit.service import record
from control_plane.database.nudge import SNAPSHOT
from control_plane.database.session import nudge
from control_plane.keys import repository
from control_plane.keys.domain import KeySecret, new_key_secret
from control_plane.keys.tables import ApiKey
from control_plane.tenants.repository import project_by_id
from control_plane.tenants.service import default_project

FIRST_KEY_NAME = "first key"


@dataclass(frozen=True, kw_only=True)
class NewKey:
    """What an admin decides of a key; `project_id` None is the default project."""

    name: str
    project_id: UUID | None = None
    allowed_models: list[str] | None = None
    expires_at: datetime | None = None


def create_key(session: Session, principal: Principal, wanted: NewKey) -> tuple[ApiKey, KeySecret]:
    """The row, and the secret for the one answer that shows it."""
    if wanted.expires_at is not None and wanted.expires_at <= clock.now():
        raise BadRequest("`expires_at` lies in the past.", param="expires_at")
    project_id = wanted.project_id or default_project(session).id
    project = project_by_id(session, project_id)
    if project is None or project.archived_at is not None:
        raise NotFound("There is no such project.", param="project_id")
    secret = new_key_secret()
    key = add_key(session, principal, secret, wanted=wanted, project_id=project_id)
    return key, secret


def add_key(session: Session, principal: Principal, secret: KeySecret, *, wanted: NewKey, project_id: UUID) -> ApiKey:
    key = ApiKey(
        id=new_uuid(),
        project_id=project_id,
        user_id=principal.user_id,
        name=wanted.name,
        display_id=secret.display_id,
        digest=secret.digest,
        allowed_models=wanted.allowed_models,
        expires_at=wanted.expires_at,
    )
    session.add(key)
    after = {"name": key.name, "project_id": public_id("proj", project_id), "allowed_models": key.allowed_models}
    record(session, principal, "key.create", public_id("key", key.id), after=after)
    nudge(session, SNAPSHOT)
    session.flush()
    return key


def revoke_key(session: Session, principal: Principal, key_id: UUID) -> ApiKey:
    """Idempotent: revoking again changes nothing. Raises NotFound."""
    key = repository.key_by_id(session, key_id)
    if key is None:
        raise NotFound("There is no such key.", param="key_id")
    if key.revoked_at is None:
        key.revoked_at = clock.now()
        record(session, principal, "key.revoke", public_id("key", key.id), before={"name": key.name})
        nudge(session, SNAPSHOT)
    return key


def ensure_first_key(session: Session, secret: KeySecret, *, project_id: UUID, user_id: UUID) -> None:
    """The key whose secret lies in the home; a revoked one stays revoked."""
    if repository.key_by_digest(session, secret.digest) is not None:
        return
    key = add_key(session, SYSTEM, secret, wanted=NewKey(name=FIRST_KEY_NAME), project_id=project_id)
    key.user_id = user_id
