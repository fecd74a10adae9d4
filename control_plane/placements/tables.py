"""The table of placements: one row for each replica that runs, is to run, or is on its way out."""

from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from control_plane.database.base import Base, Row, text_enum
from control_plane.placements.domain import PlacementState


class Placement(Row, Base):
    """`id` names Serve's application of this replica. `seat` is a `control_plane.placements.domain.Seat`."""

    __tablename__ = "placements"

    served_model_id: Mapped[UUID] = mapped_column(ForeignKey("served_models.id", ondelete="CASCADE"), index=True)
    version_id: Mapped[UUID] = mapped_column(ForeignKey("model_versions.id"), index=True)
    state: Mapped[PlacementState] = mapped_column(text_enum(PlacementState), default=PlacementState.PLACED)
    state_reason: Mapped[str | None]
    seat: Mapped[dict[str, Any]]
