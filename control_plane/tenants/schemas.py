"""Projects and users on the wire, as OpenAI's admin API writes them (`/v1/organization/...`)."""

from typing import Literal

from pydantic import BaseModel

from appliance.base.ids import public_id
from control_plane.access.domain import Role
from control_plane.tenants.tables import Project, User


class ProjectAnswer(BaseModel):
    object: Literal["organization.project"] = "organization.project"
    id: str
    name: str
    created_at: int
    archived_at: int | None
    status: Literal["active", "archived"]


class UserAnswer(BaseModel):
    object: Literal["organization.user"] = "organization.user"
    id: str
    name: str
    email: str | None
    role: Role
    added_at: int


def project_answer(project: Project) -> ProjectAnswer:
    archived = project.archived_at
    return ProjectAnswer(
        id=public_id("proj", project.id),
        name=project.name,
        created_at=int(project.created_at.timestamp()),
        archived_at=int(archived.timestamp()) if archived else None,
        status="archived" if archived else "active",
    )


def user_answer(user: User) -> UserAnswer:
    return UserAnswer(
        id=public_id("user", user.id),
        name=user.name,
        email=user.email,
        role=user.role,
        added_at=int(user.created_at.timestamp()),
    )
