"""The keys of a project as OpenAI's admin API shows them, with their owners: a page's owners in three queries."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.orm import Session

from appliance.base.ids import public_id
from control_plane.keys import repository
from control_plane.keys.schemas import Owner, OwnerAccount, OwnerUser, ProjectKeyAnswer, redacted, seconds
from control_plane.keys.tables import ApiKey
from control_plane.tenants.schemas import project_role, wire_project_role


def answers(session: Session, keys: Sequence[ApiKey], *, project_id: UUID) -> list[ProjectKeyAnswer]:
    ids = [key.id for key in keys]
    owners, active = owners_of(session, keys, project_id), repository.with_access(session, ids)
    used = repository.last_uses(session, ids)
    return [
        ProjectKeyAnswer(
            id=public_id("key", key.id),
            name=key.name,
            redacted_value=redacted(key),
            created_at=int(key.created_at.timestamp()),
            expires_at=seconds(key.expires_at),
            last_used_at=seconds(used.get(key.id)),
            owner=owners.get(key.id, Owner()),
            owner_project_access="active" if key.id in active else "inactive",
        )
        for key in keys
    ]


def owners_of(session: Session, keys: Sequence[ApiKey], project_id: UUID) -> dict[UUID, Owner]:
    user_ids = [key.user_id for key in keys if key.user_id]
    users = repository.users_by_id(session, user_ids)
    accounts = repository.accounts_by_id(session, [key.service_account_id for key in keys if key.service_account_id])
    roles = repository.member_roles(session, project_id=project_id, user_ids=user_ids)
    owners: dict[UUID, Owner] = {}
    for key in keys:
        user, account = users.get(key.user_id or UUID(int=0)), accounts.get(key.service_account_id or UUID(int=0))
        if account is not None:
            owners[key.id] = Owner(
                type="service_account",
                service_account=OwnerAccount(
                    id=public_id("svc", account.id),
                    name=account.name,
                    created_at=int(account.created_at.timestamp()),
                    role=wire_project_role(account.role) if account.role else "none",
                ),
            )
        elif user is not None:
            owners[key.id] = Owner(
                type="user",
                user=OwnerUser(
                    id=public_id("user", user.id),
                    name=user.name,
                    email=user.email or "",
                    created_at=int(user.created_at.timestamp()),
                    role=wire_project_role(project_role(roles.get(user.id, "owner"))),
                ),
            )
    return owners
