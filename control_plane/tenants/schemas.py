"""Projects and their members on the wire, as OpenAI's admin API writes them (`/v1/organization/...`).

Shapes: openai-python, `types/admin/organization/{project,projects/project_user}.py`. Our own fields begin with `x_`.
"""

from typing import Literal

from pydantic import BaseModel, Field

from appliance.base.errors import BadRequest
from appliance.base.ids import public_id
from control_plane.access.domain import ProjectRole
from control_plane.tenants.tables import Project, ProjectMember

WireProjectRole = Literal["owner", "member"]
ROLE_TEXT = "`owner` or `member` as OpenAI has it, or our `admin`, `developer`, `viewer`."


class ProjectAnswer(BaseModel):
    object: Literal["organization.project"] = "organization.project"
    id: str
    name: str
    created_at: int
    archived_at: int | None
    status: Literal["active", "archived"]


class ProjectRequest(BaseModel):
    """OpenAI's other fields (`residency`, `external_key_id`) are ignored: there is one place, and it is this box."""

    name: str = Field(min_length=1, max_length=200)


class MemberAnswer(BaseModel):
    """`role` is what OpenAI's clients know, `x_role` what counts here."""

    object: Literal["organization.project.user"] = "organization.project.user"
    id: str
    name: str
    email: str | None
    role: WireProjectRole
    x_role: ProjectRole
    added_at: int


class MemberRequest(BaseModel):
    user_id: str | None = Field(None, description="`user-...`")
    email: str | None = Field(None, description="Instead of `user_id`.")
    role: str = Field(description=ROLE_TEXT)


class MemberPatch(BaseModel):
    role: str = Field(description=ROLE_TEXT)


class DeletedMember(BaseModel):
    object: Literal["organization.project.user.deleted"] = "organization.project.user.deleted"
    id: str
    deleted: Literal[True] = True


def project_answer(project: Project) -> ProjectAnswer:
    archived = project.archived_at
    return ProjectAnswer(
        id=public_id("proj", project.id),
        name=project.name,
        created_at=int(project.created_at.timestamp()),
        archived_at=int(archived.timestamp()) if archived else None,
        status="archived" if archived else "active",
    )


def member_answer(member: ProjectMember) -> MemberAnswer:
    return MemberAnswer(
        id=public_id("user", member.user_id),
        name=member.user.name,
        email=member.user.email,
        role=wire_project_role(member.role),
        x_role=member.role,
        added_at=int(member.created_at.timestamp()),
    )


def wire_project_role(role: ProjectRole) -> WireProjectRole:
    return "owner" if role is ProjectRole.ADMIN else "member"


def project_role(text: str, *, param: str = "role") -> ProjectRole:
    """Ours or OpenAI's word; raises BadRequest."""
    ours = {"owner": ProjectRole.ADMIN, "member": ProjectRole.DEVELOPER, **{role.value: role for role in ProjectRole}}
    if text not in ours:
        raise BadRequest(
            f"{text[:40]!r} is no role in a project.", hint=f"It is one of {', '.join(ours)}.", param=param
        )
    return ours[text]
