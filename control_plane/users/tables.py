"""Table of invites."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from control_plane.access.domain import Role
from control_plane.database.base import Base, Row, text_enum


class Invite(Row, Base):
    """`token_digest` is the SHA-256 of what the invited person sends; `projects` is a list of project id and role."""

    __tablename__ = "invites"

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"), index=True)
    email: Mapped[str]
    role: Mapped[Role] = mapped_column(text_enum(Role))
    projects: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    token_digest: Mapped[str] = mapped_column(unique=True)
    expires_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
