"""Tables of catalogue entries, of the updates that were applied, and of how often the entries changed."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from control_plane.database.base import Base, Row, text_enum


class Origin(StrEnum):
    """Whose an entry is. Of several with one name the last of these counts."""

    RELEASE = "release"
    UPDATE = "update"
    CUSTOM = "custom"


class CatalogModel(Row, Base):
    """One entry of the catalogue, whole in `entry`. `removed_at` is set when a newer release no longer carries it.

    `digest` is that of `entry`: what was worked out from an entry holds for as long as it stays the same.
    """

    __tablename__ = "catalog_models"
    __table_args__ = (UniqueConstraint("name", "origin"),)

    name: Mapped[str]
    origin: Mapped[Origin] = mapped_column(
        text_enum(Origin), default=Origin.RELEASE, server_default=Origin.RELEASE.value
    )
    family: Mapped[str]
    task: Mapped[str]
    entry: Mapped[dict[str, Any]]
    digest: Mapped[str] = mapped_column(server_default="")
    removed_at: Mapped[datetime | None]


class AppliedUpdate(Row, Base):
    """A signed update that was applied. Rows stay: the highest `sequence` bars the way back."""

    __tablename__ = "catalogue_updates"

    sequence: Mapped[int] = mapped_column(unique=True)
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    key: Mapped[str]
    digest: Mapped[str]
    entries: Mapped[int]


class CatalogueState(Base):
    """One row, made by the migration. `revision` rises with every change; who changes something locks the row first."""

    __tablename__ = "catalogue_state"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    revision: Mapped[int]
