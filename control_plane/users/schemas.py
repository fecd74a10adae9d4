"""Users and invites on the wire; in `/v1/organization` as OpenAI's admin API writes them.

Shapes: openai-python, `types/admin/organization/{organization_user,invite}*.py`. Our own fields begin with `x_`. OpenAI
knows two roles: `owner` stands for our owner and admin, `reader` for all others; `x_role` says which one it is.
"""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from appliance.base.errors import BadRequest
from appliance.base.ids import public_id
from control_plane.access.domain import ProjectRole, Role
from control_plane.tenants.schemas import WireProjectRole, project_role, wire_project_role
from control_plane.tenants.tables import User, WireRole, from_wire, wire_role
from control_plane.users.tables import Invite

ROLE_TEXT = "`owner` or `reader` as OpenAI has it, or one of our six roles."


class UserAnswer(BaseModel):
    object: Literal["organization.user"] = "organization.user"
    id: str
    name: str
    email: str | None
    role: WireRole
    x_role: Role
    x_disabled: bool
    added_at: int


class UserRoleRequest(BaseModel):
    """OpenAI's other fields are about its own product and are ignored."""

    role: str | None = Field(None, description=ROLE_TEXT)


class DeletedUser(BaseModel):
    object: Literal["organization.user.deleted"] = "organization.user.deleted"
    id: str
    deleted: Literal[True] = True


class NewUserRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=200, description="What the user logs in with; kept in lower case.")
    email: str | None = Field(None, max_length=320)
    role: Role = Role.VIEWER


class UserPatch(BaseModel):
    model_config = ConfigDict(extra="forbid")

    role: Role | None = None
    disabled: bool | None = None


class OneTimePassword(BaseModel):
    """The only answer that ever holds it; the user has to change it at the next login."""

    object: Literal["one_time_password"] = "one_time_password"
    user: UserAnswer
    password: str


class SessionsEnded(BaseModel):
    object: Literal["login_session.deleted"] = "login_session.deleted"
    ended: int


class InvitedProject(BaseModel):
    id: str
    role: str = Field(description="`owner` or `member` as OpenAI has it, or our `admin`, `developer`, `viewer`.")


class InviteRequest(BaseModel):
    email: str = Field(max_length=320)
    role: str = Field(description=ROLE_TEXT)
    projects: list[InvitedProject] | None = Field(None, max_length=100)


class InviteProject(BaseModel):
    id: str
    role: WireProjectRole


class InviteAnswer(BaseModel):
    object: Literal["organization.invite"] = "organization.invite"
    id: str
    email: str
    role: WireRole
    status: Literal["accepted", "expired", "pending"]
    projects: list[InviteProject]
    created_at: int
    expires_at: int
    accepted_at: int | None
    x_role: Role


class CreatedInvite(InviteAnswer):
    """`x_token` is in this answer and nowhere else; the invited person sends it to `POST /api/v1/invites/accept`."""

    x_token: str


class DeletedInvite(BaseModel):
    object: Literal["organization.invite.deleted"] = "organization.invite.deleted"
    id: str
    deleted: Literal[True] = True


class AcceptRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(None, max_length=200, description="What to log in with; the e-mail address when left out.")
    password: str = Field(max_length=1024)


def user_answer(user: User) -> UserAnswer:
    return UserAnswer(
        id=public_id("user", user.id),
        name=user.name,
        email=user.email,
        role=wire_role(user.role),
        x_role=user.role,
        x_disabled=user.disabled_at is not None,
        added_at=int(user.created_at.timestamp()),
    )


def invite_answer(invite: Invite, *, now: datetime) -> InviteAnswer:
    waiting = "pending" if invite.expires_at > now else "expired"
    return InviteAnswer(
        id=public_id("invite", invite.id),
        email=invite.email,
        role=wire_role(invite.role),
        status="accepted" if invite.accepted_at else waiting,
        projects=[
            InviteProject(id=each["id"], role=wire_project_role(ProjectRole(each["role"]))) for each in invite.projects
        ],
        created_at=int(invite.created_at.timestamp()),
        expires_at=int(invite.expires_at.timestamp()),
        accepted_at=int(invite.accepted_at.timestamp()) if invite.accepted_at else None,
        x_role=invite.role,
    )


def asked_role(text: str, *, today: Role | None = None) -> Role:
    """Ours or OpenAI's word; OpenAI's changes nothing where it fits the role of `today`. Raises BadRequest."""
    if today is not None and text == wire_role(today).value and text == WireRole.READER.value:
        return today
    if text == WireRole.READER.value:
        return from_wire(WireRole.READER)
    try:
        return Role(text)
    except ValueError:
        roles = ", ".join([*Role, WireRole.READER])
        raise BadRequest(f"{text[:40]!r} is no role.", hint=f"It is one of {roles}.", param="role") from None


def asked_projects(asked: list[InvitedProject] | None) -> dict[str, ProjectRole] | None:
    return {each.id: project_role(each.role, param="projects") for each in asked} if asked is not None else None
