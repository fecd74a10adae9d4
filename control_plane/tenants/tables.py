"""Tables of organizations, projects and users."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from control_plane.access.domain import Role
from control_plane.database.base import Base, Row, text_enum


class Organization(Row, Base):
    __tablename__ = "organizations"

    name: Mapped[str]


class Project(Row, Base):
    __tablename__ = "projects"

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"), index=True)
    name: Mapped[str]
    archived_at: Mapped[datetime | None]


class User(Row, Base):
    """A person. `name` is what one logs in with; it is kept in lower case."""

    __tablename__ = "users"

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"), index=True)
    name: Mapped[str] = mapped_column(unique=True)
    email: Mapped[str | None] = mapped_column(unique=True)
    role: Mapped[Role] = mapped_column(text_enum(Role))
    disabled_at: Mapped[datetime | None]
