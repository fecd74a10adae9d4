"""Table of model versions."""

from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from control_plane.database.base import Base, Row, text_enum


class VersionState(StrEnum):
    IMPORTING = "importing"
    READY = "ready"
    FAILED = "failed"
    DAMAGED = "damaged"


class ModelVersion(Row, Base):
    """One set of weights. `digest` names it in the weight store and is set when it is ready.

    `model_name` is the catalogue's name where it has one, else what the admin called it; `engine` holds what an
    engine needs to know where the catalogue says nothing. `state_reason` says why it failed or which file is
    damaged.
    """

    __tablename__ = "model_versions"

    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id"), index=True)
    model_name: Mapped[str] = mapped_column(index=True)
    variant: Mapped[str | None]
    task: Mapped[str]
    state: Mapped[VersionState] = mapped_column(text_enum(VersionState), default=VersionState.IMPORTING)
    state_reason: Mapped[str | None]
    source: Mapped[dict[str, Any]]
    engine: Mapped[dict[str, Any]]
    digest: Mapped[str | None] = mapped_column(index=True)
    total_bytes: Mapped[int | None]
    path: Mapped[str | None]
    job_id: Mapped[UUID | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"))
