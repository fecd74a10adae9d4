"""Service accounts on the wire. Shapes: openai-python, `types/admin/organization/projects/*service_account*.py`."""

from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel, Field

from appliance.base import clock
from appliance.base.ids import public_id
from control_plane.access.domain import ProjectRole
from control_plane.keys.domain import SCOPES, KeySecret
from control_plane.keys.schemas import SCOPES_TEXT
from control_plane.keys.tables import ApiKey
from control_plane.tenants.schemas import wire_project_role
from control_plane.tenants.tables import ServiceAccount

WireRole = Literal["owner", "member", "none"]
MOST_SECONDS = 100 * 366 * 86400


def in_seconds(seconds: int | None) -> datetime | None:
    return clock.now() + timedelta(seconds=seconds) if seconds is not None else None


class AccountRequest(BaseModel):
    name: str = Field(min_length=1, max_length=200)
    create_service_account_only: bool | None = Field(None, description="Without a key and without a role.")
    expires_in_seconds: int | None = Field(None, ge=1, le=MOST_SECONDS, description="When its first key ends.")


class AccountPatch(BaseModel):
    name: str | None = Field(None, min_length=1, max_length=200)
    role: str | None = Field(None, description="`owner` or `member`, or our `admin`, `developer`, `viewer`.")


class AccountKeyRequest(BaseModel):
    name: str | None = Field(None, min_length=1, max_length=200)
    scopes: list[str] | None = Field(None, max_length=len(SCOPES), description=SCOPES_TEXT)
    expires_in_seconds: int | None = Field(None, ge=1, le=MOST_SECONDS)


class AccountAnswer(BaseModel):
    object: Literal["organization.project.service_account"] = "organization.project.service_account"
    id: str
    name: str
    role: WireRole
    x_role: ProjectRole | None
    created_at: int


class AccountKey(BaseModel):
    """The only answer that ever holds the secret (`value`)."""

    object: Literal["organization.project.service_account.api_key"] = "organization.project.service_account.api_key"
    id: str
    name: str
    value: str
    created_at: int
    expires_at: int | None


class CreatedAccount(AccountAnswer):
    api_key: AccountKey | None


class DeletedAccount(BaseModel):
    object: Literal["organization.project.service_account.deleted"] = "organization.project.service_account.deleted"
    id: str
    deleted: Literal[True] = True


def account_answer(account: ServiceAccount) -> AccountAnswer:
    return AccountAnswer(
        id=public_id("svc", account.id),
        name=account.name,
        role=wire_project_role(account.role) if account.role else "none",
        x_role=account.role,
        created_at=int(account.created_at.timestamp()),
    )


def account_key(key: ApiKey, secret: KeySecret) -> AccountKey:
    return AccountKey(
        id=public_id("key", key.id),
        name=key.name,
        value=secret.text,
        created_at=int(key.created_at.timestamp()),
        expires_at=int(key.expires_at.timestamp()) if key.expires_at else None,
    )
