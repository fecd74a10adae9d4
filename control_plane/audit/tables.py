"""Tables of audit entries and of the head of their chain."""

from datetime import UTC
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index
from sqlalchemy.orm import Mapped, mapped_column

from control_plane.access.domain import PrincipalKind, Via
from control_plane.audit.chain import FIRST_HASH, Link
from control_plane.database.base import Base, Row, text_enum

CONTENT = (
    "actor_kind", "actor_name", "action", "target", "before", "after", "request_id", "address", "via", "proof_id",
)  # fmt: skip


class AuditEntry(Row, Base):
    """One change. Plain ids and no foreign keys: an entry outlives what it speaks of.

    `sequence`, `previous_hash` and `hash` are written at the end of its transaction; an entry that an older version
    wrote is taken into the chain by the next one.
    """

    __tablename__ = "audit_entries"
    __table_args__ = (
        Index("ix_audit_entries_target", "target"),
        Index("ix_audit_entries_unsealed", "id", postgresql_where="sequence IS NULL"),
    )

    actor_kind: Mapped[PrincipalKind] = mapped_column(text_enum(PrincipalKind))
    actor_id: Mapped[UUID | None]
    actor_name: Mapped[str]
    action: Mapped[str]
    target: Mapped[str]
    before: Mapped[dict[str, Any] | None]
    after: Mapped[dict[str, Any] | None]
    request_id: Mapped[str | None]
    address: Mapped[str | None]
    project_id: Mapped[UUID | None]
    via: Mapped[Via | None] = mapped_column(text_enum(Via))
    proof_id: Mapped[str | None]
    sequence: Mapped[int | None] = mapped_column(unique=True)
    previous_hash: Mapped[str | None]
    hash: Mapped[str | None]

    def link(self) -> Link:
        return Link(self.sequence or 0, self.previous_hash or "", self.hash or "", self.content())

    def content(self) -> dict[str, Any]:
        """What the hash is over, but for the chain's own fields. Never changes for entries that are there: new columns
        are left out where they are null.
        """
        content = {
            "id": self.id.hex,
            "created_at": self.created_at.astimezone(UTC).isoformat(timespec="microseconds"),
            "actor_id": self.actor_id.hex if self.actor_id else None,
            "project_id": self.project_id.hex if self.project_id else None,
            **{name: getattr(self, name) for name in CONTENT},
        }
        return {name: value for name, value in content.items() if value is not None}


class AuditHead(Base):
    """One row: the end of the chain. Whoever adds entries locks it until the commit."""

    __tablename__ = "audit_head"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    sequence: Mapped[int] = mapped_column(default=0)
    hash: Mapped[str] = mapped_column(default=FIRST_HASH)
