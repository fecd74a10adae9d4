"""Table of what each reconciler last did."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from control_plane.database.base import Base, Row


class ReconcilerStatus(Row, Base):
    """One row per reconciler. `backlog` counts what is still to be closed; `last_error` is None while all is well."""

    __tablename__ = "reconcilers"

    name: Mapped[str] = mapped_column(unique=True)
    last_run_at: Mapped[datetime | None]
    last_success_at: Mapped[datetime | None]
    last_error: Mapped[str | None]
    backlog: Mapped[int] = mapped_column(default=0)
    duration_seconds: Mapped[float | None]
    holder: Mapped[str | None]
