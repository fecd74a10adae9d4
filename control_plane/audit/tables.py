"""Table of audit entries."""

from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from control_plane.access.domain import PrincipalKind
from control_plane.database.base import Base, Row, text_enum


class AuditEntry(Row, Base):
    """One change. Plain ids and no foreign keys: an entry outlives what it speaks of."""

    __tablename__ = "audit_entries"
    __table_args__ = (Index("ix_audit_entries_target", "target"),)

    actor_kind: Mapped[PrincipalKind] = mapped_column(text_enum(PrincipalKind))
    actor_id: Mapped[UUID | None]
    actor_name: Mapped[str]
    action: Mapped[str]
    target: Mapped[str]
    before: Mapped[dict[str, Any] | None]
    after: Mapped[dict[str, Any] | None]
    request_id: Mapped[str | None]
    address: Mapped[str | None]
