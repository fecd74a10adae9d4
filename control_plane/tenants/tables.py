"""Tables of organizations, projects, their members, users and service accounts."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from control_plane.access.domain import ProjectRole, Role
from control_plane.database.base import Base, Row, text_enum


class WireRole(StrEnum):
    """The two roles that OpenAI's API knows; all that the version before knew."""

    OWNER = "owner"
    READER = "reader"


def wire_role(role: Role) -> WireRole:
    return WireRole.OWNER if role in (Role.OWNER, Role.ADMIN) else WireRole.READER


def from_wire(role: WireRole) -> Role:
    return Role.OWNER if role is WireRole.OWNER else Role.VIEWER


class Organization(Row, Base):
    __tablename__ = "organizations"

    name: Mapped[str]


class Project(Row, Base):
    __tablename__ = "projects"

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"), index=True)
    name: Mapped[str]
    archived_at: Mapped[datetime | None]


class User(Row, Base):
    """A person. `name` is what one logs in with; it is kept in lower case.

    The column `role` is OpenAI's and what the version before reads; `organization_role` is ours, null where that
    version wrote the row. One who was removed keeps the row, under a name that nobody can log in with, for the sake of
    what it made.
    """

    __tablename__ = "users"

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"), index=True)
    name: Mapped[str] = mapped_column(unique=True)
    email: Mapped[str | None] = mapped_column(unique=True)
    wire_role: Mapped[WireRole] = mapped_column("role", text_enum(WireRole))
    organization_role: Mapped[Role | None] = mapped_column(text_enum(Role))
    disabled_at: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]

    def __init__(self, *, role: Role, **fields: Any) -> None:
        super().__init__(organization_role=role, **fields)

    @validates("organization_role")
    def write_wire_role(self, _: str, role: Role) -> Role:
        self.wire_role = wire_role(role)
        return role

    @property
    def role(self) -> Role:
        return self.organization_role or from_wire(self.wire_role)


class ProjectMember(Row, Base):
    __tablename__ = "project_members"
    __table_args__ = (UniqueConstraint("project_id", "user_id"),)

    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    role: Mapped[ProjectRole] = mapped_column(text_enum(ProjectRole))
    user: Mapped[User] = relationship(lazy="joined", innerjoin=True)


class ServiceAccount(Row, Base):
    """Belongs to a project and to no person, so its keys survive whoever made them. `role` null may use models only."""

    __tablename__ = "service_accounts"

    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id"), index=True)
    name: Mapped[str]
    role: Mapped[ProjectRole | None] = mapped_column(text_enum(ProjectRole))
    removed_at: Mapped[datetime | None]
