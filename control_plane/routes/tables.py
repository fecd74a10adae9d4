"""Tables of routes and of the endpoints elsewhere that they may lead to."""

from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from control_plane.database.base import Base, Row


class ExternalEndpointRow(Row, Base):
    """`sealed_key` opens only with the box's key-encryption key and only for this row."""

    __tablename__ = "external_endpoints"
    __table_args__ = (CheckConstraint("kind IN ('openai', 'anthropic')", name="kind_known"),)

    name: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    base_url: Mapped[str]
    sealed_key: Mapped[str | None]
    allow_private: Mapped[bool] = mapped_column(default=False)
    ca_certificates: Mapped[str | None]
    connect_timeout_seconds: Mapped[float]
    first_byte_timeout_seconds: Mapped[float]
    max_concurrent: Mapped[int]


class RouteRow(Row, Base):
    """`tiers` and `shadow` hold `control_plane.routes.domain.StoredTarget`; `project_id` None is for every project."""

    __tablename__ = "routes"

    project_id: Mapped[UUID | None] = mapped_column(ForeignKey("projects.id"), index=True)
    name: Mapped[str] = mapped_column(unique=True)
    task: Mapped[str]
    max_model_len: Mapped[int | None]
    tiers: Mapped[list[Any]] = mapped_column(JSONB)
    shadow: Mapped[dict[str, Any] | None]
    sticky: Mapped[str]
    balance: Mapped[str]
    retry_percent: Mapped[float]
