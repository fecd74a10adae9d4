"""Logging in and admin keys, on the wire. Admin keys: openai-python, `types/admin/organization/admin_api_key*.py`."""

from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from appliance.base import clock
from appliance.base.ids import public_id
from control_plane.access.domain import Principal, ProjectRole, Role
from control_plane.sessions.tables import AdminKey, LoginSession
from control_plane.tenants.tables import User

MOST_SECONDS = 100 * 366 * 86400


class LoginRequest(BaseModel):
    """`name` or `email`, and the password."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(None, max_length=320)
    email: str | None = Field(None, max_length=320)
    password: str = Field(max_length=1024)

    @model_validator(mode="after")
    def check_login(self) -> "LoginRequest":
        if not self.login:
            raise ValueError("give a name or an email")
        return self

    @property
    def login(self) -> str:
        return self.name or self.email or ""


class PasswordRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    current_password: str = Field(max_length=1024)
    new_password: str = Field(max_length=1024)


class SessionAnswer(BaseModel):
    """Who is logged in. `projects` maps project ids to one's role in them."""

    object: Literal["session"] = "session"
    user_id: str
    name: str
    role: Role
    projects: dict[str, ProjectRole]
    must_change_password: bool


class LoginSessionAnswer(BaseModel):
    """One of a user's logins. `current` is the one that asks."""

    object: Literal["login_session"] = "login_session"
    id: str
    created_at: int
    expires_at: int
    address: str | None
    current: bool


class EndedSessions(BaseModel):
    object: Literal["login_session.deleted"] = "login_session.deleted"
    id: str
    deleted: Literal[True] = True


class AdminKeyRequest(BaseModel):
    name: str = Field(min_length=1, max_length=200)
    expires_in_seconds: int | None = Field(None, ge=1, le=MOST_SECONDS)
    x_role: Role | None = Field(None, description="What the key may do; your own role when left out, never more.")

    @property
    def expires_at(self) -> datetime | None:
        return clock.now() + timedelta(seconds=self.expires_in_seconds) if self.expires_in_seconds else None


class AdminKeyOwner(BaseModel):
    type: Literal["user"] = "user"
    object: Literal["organization.user"] = "organization.user"
    id: str
    name: str
    created_at: int
    role: str


class AdminKeyAnswer(BaseModel):
    object: Literal["organization.admin_api_key"] = "organization.admin_api_key"
    id: str
    name: str
    redacted_value: str
    created_at: int
    expires_at: int | None
    last_used_at: int | None
    owner: AdminKeyOwner
    x_role: Role


class CreatedAdminKey(AdminKeyAnswer):
    """The only answer that ever holds the secret."""

    value: str


class DeletedAdminKey(BaseModel):
    object: Literal["organization.admin_api_key.deleted"] = "organization.admin_api_key.deleted"
    id: str
    deleted: Literal[True] = True


def session_answer(principal: Principal) -> SessionAnswer:
    assert principal.user_id is not None
    assert principal.role is not None
    return SessionAnswer(
        user_id=public_id("user", principal.user_id),
        name=principal.name,
        role=principal.role,
        projects={public_id("proj", project): role for project, role in principal.projects.items()},
        must_change_password=principal.must_change_password,
    )


def login_session_answer(row: LoginSession, *, current: str | None) -> LoginSessionAnswer:
    identity = public_id("login", row.id)
    return LoginSessionAnswer(
        id=identity,
        created_at=int(row.created_at.timestamp()),
        expires_at=int(row.expires_at.timestamp()),
        address=row.address,
        current=identity == current,
    )


def admin_key_answer(key: AdminKey, owner: User) -> AdminKeyAnswer:
    return AdminKeyAnswer(
        id=public_id("adminkey", key.id),
        name=key.name,
        redacted_value=f"sk-admin-{key.display_id}-...",
        created_at=int(key.created_at.timestamp()),
        expires_at=int(key.expires_at.timestamp()) if key.expires_at else None,
        last_used_at=int(key.last_used_at.timestamp()) if key.last_used_at else None,
        owner=AdminKeyOwner(
            id=public_id("user", owner.id),
            name=owner.name,
            created_at=int(owner.created_at.timestamp()),
            role=owner.wire_role.value,
        ),
        x_role=key.role,
    )
