"""Make, change and remove service accounts and their keys."""

from datetime import datetime

from sqlalchemy.orm import Session

from appliance.base import clock
from appliance.base.errors import NotFound
from appliance.base.ids import new_uuid, parse_public_id, public_id
from control_plane.access.domain import Principal, ProjectRole
from control_plane.audit.service import record
from control_plane.keys import repository as keys
from control_plane.keys.domain import KeySecret
from control_plane.keys.service import NewKey, create_key, end_key
from control_plane.keys.tables import ApiKey
from control_plane.tenants import repository
from control_plane.tenants.tables import Project, ServiceAccount

FIRST_KEY_NAME = "first key"


def find(session: Session, project: Project, public: str) -> ServiceAccount:
    key = parse_public_id("svc", public)
    account = repository.service_account(session, key) if key else None
    if account is None or account.project_id != project.id:
        raise NotFound(f"The project has no service account {public[:80]!r}.", param="service_account_id")
    return account


def create(
    session: Session, principal: Principal, project: Project, *, name: str, role: ProjectRole | None
) -> ServiceAccount:
    account = ServiceAccount(id=new_uuid(), project_id=project.id, name=name, role=role)
    session.add(account)
    session.flush()
    target = public_id("svc", account.id)
    record(session, principal, "service_account.create", target, after=shown(account)).project_id = project.id
    return account


def make_key(
    session: Session,
    principal: Principal,
    account: ServiceAccount,
    *,
    name: str | None = None,
    scopes: list[str] | None = None,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, KeySecret]:
    wanted = NewKey(
        name=name or FIRST_KEY_NAME,
        project_id=account.project_id,
        service_account_id=account.id,
        scopes=scopes,
        expires_at=expires_at,
    )
    return create_key(session, principal, wanted)


def change(
    session: Session, principal: Principal, account: ServiceAccount, *, name: str | None, role: ProjectRole | None
) -> ServiceAccount:
    """What is None stays."""
    before = shown(account)
    account.name, account.role = name or account.name, role or account.role
    if shown(account) != before:
        target = public_id("svc", account.id)
        entry = record(session, principal, "service_account.update", target, before=before, after=shown(account))
        entry.project_id = account.project_id
    session.flush()
    return account


def remove(session: Session, principal: Principal, account: ServiceAccount) -> None:
    """Its keys stop; its name stays for the records."""
    for key in keys.keys_of_account(session, account.id):
        end_key(session, principal, key)
    account.removed_at = clock.now()
    target = public_id("svc", account.id)
    entry = record(session, principal, "service_account.delete", target, before=shown(account))
    entry.project_id = account.project_id


def shown(account: ServiceAccount) -> dict[str, object]:
    """For the audit log."""
    return {"name": account.name, "role": account.role.value if account.role else None}
