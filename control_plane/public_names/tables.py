"""Table of public names."""

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from control_plane.database.base import Base, Row


class PublicName(Row, Base):
    """Exactly one of the two owners is set."""

    __tablename__ = "public_names"
    __table_args__ = (CheckConstraint("num_nonnulls(served_model_id, route_id) = 1", name="one_owner"),)

    name: Mapped[str] = mapped_column(unique=True)
    served_model_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("served_models.id", ondelete="CASCADE"), unique=True
    )
    route_id: Mapped[UUID | None] = mapped_column(ForeignKey("routes.id", ondelete="CASCADE"), unique=True)
