"""Table of stored responses."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from control_plane.database.base import Base, Row


class StoredResponse(Row, Base):
    """`id` is the response's own (`resp_` and its hexadecimal digits), `body` the response as the client got it,
    `items` what its request added. `previous_id` and `key_id` point without a foreign key: what they name may go.
    """

    __tablename__ = "stored_responses"

    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id"), index=True)
    key_id: Mapped[UUID]
    body: Mapped[dict[str, Any]]
    items: Mapped[list[Any]] = mapped_column(JSONB)
    previous_id: Mapped[UUID | None]
    expires_at: Mapped[datetime] = mapped_column(index=True)
