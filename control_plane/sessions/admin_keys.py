"""Admin keys: `sk-admin-<12 characters to show>-<43 characters to hide>`, for the admin API and `/v1/organization`."""

import secrets
import string
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from appliance.base import clock
from appliance.base.errors import Forbidden, NotFound
from appliance.base.ids import new_secret, new_uuid, parse_public_id, public_id
from control_plane.access.domain import Principal, Role
from control_plane.access.policy import may_give, narrowed
from control_plane.audit.service import record
from control_plane.sessions import repository
from control_plane.sessions.domain import digest
from control_plane.sessions.tables import AdminKey
from control_plane.tenants.tables import User

PREFIX = "sk-admin-"
DISPLAY_LENGTH = 12
ALPHABET = string.digits + string.ascii_lowercase
USE_GRAIN = timedelta(minutes=1)
"""`last_used_at` is written at most this often."""


def live_key(session: Session, secret: str) -> AdminKey | None:
    """Neither revoked nor expired; its last use is noted."""
    now = clock.now()
    key = repository.admin_key_by_digest(session, digest(secret), at=now)
    if key is not None and (key.last_used_at is None or now - key.last_used_at > USE_GRAIN):
        repository.note_admin_key_use(session, key.id, at=now)
    return key


def role_of(key: AdminKey, user: User) -> Role:
    """What it can do today: never more than its user."""
    return narrowed(key.role, owner=user.role)


def create_admin_key(
    session: Session, principal: Principal, *, name: str, role: Role | None, expires_at: datetime | None
) -> tuple[AdminKey, str]:
    """The row, and the secret for the one answer that shows it. Without `role` it has the principal's own."""
    if principal.user_id is None or principal.role is None:
        raise Forbidden("An admin key acts for a user; a service account cannot make one.")
    wanted = role or principal.role
    if narrowed(wanted, owner=principal.role) is not wanted:
        raise Forbidden(
            f"You are {principal.role.value} and cannot give a key the role {wanted.value}.", param="x_role"
        )
    display_id = "".join(secrets.choice(ALPHABET) for _ in range(DISPLAY_LENGTH))
    secret = f"{PREFIX}{display_id}-{new_secret(32)}"
    key = AdminKey(
        id=new_uuid(), user_id=principal.user_id, name=name, role=wanted, display_id=display_id,
        digest=digest(secret), expires_at=expires_at,
    )  # fmt: skip
    session.add(key)
    after = {"name": name, "role": wanted.value, "expires_at": expires_at.isoformat() if expires_at else None}
    record(session, principal, "admin_key.create", public_id("adminkey", key.id), after=after)
    session.flush()
    return key, secret


def find(session: Session, public: str) -> AdminKey:
    key_id = parse_public_id("adminkey", public)
    key = repository.admin_key_by_id(session, key_id) if key_id else None
    if key is None:
        raise NotFound(f"There is no admin key {public[:80]!r}.", param="key_id")
    return key


def revoke_admin_key(session: Session, principal: Principal, public: str) -> AdminKey:
    """An owner's key is an owner's to revoke."""
    key = find(session, public)
    if not may_give(principal.role, key.role):
        raise Forbidden("Only an owner revokes an owner's key.")
    key.revoked_at = clock.now()
    before = {"name": key.name, "role": key.role.value}
    record(session, principal, "admin_key.revoke", public_id("adminkey", key.id), before=before)
    return key
