"""Table of catalogue entries."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Mapped, mapped_column

from control_plane.database.base import Base, Row


class CatalogModel(Row, Base):
    """One entry of the catalogue, whole in `entry`. `removed_at` is set when a newer release no longer carries it."""

    __tablename__ = "catalog_models"

    name: Mapped[str] = mapped_column(unique=True)
    family: Mapped[str]
    task: Mapped[str]
    entry: Mapped[dict[str, Any]]
    removed_at: Mapped[datetime | None]
