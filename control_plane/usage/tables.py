"""Table of usage events, partitioned by the month in which a request started."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Index, false
from sqlalchemy.orm import Mapped, mapped_column

from appliance.base import clock
from control_plane.database.base import Base, text_enum

TABLE = "usage_events"
DEFAULT_PARTITION = f"{TABLE}_default"


class UsageState(StrEnum):
    RUNNING = "running"
    COMPLETED = "completed"
    BROKEN_OFF = "broken_off"
    FAILED = "failed"


class UsageEvent(Base):
    """One request. Until it ends, `prompt_tokens` and `completion_tokens` hold what was reserved (`estimated`).

    A unique key of a partitioned table must hold the partition column: a spool line never changes, so the same request
    always comes with the same `started_at`, and the pair is as unique as the request id alone.
    """

    __tablename__ = TABLE
    __table_args__ = (
        Index(None, "project_id", "started_at"),
        Index(None, "started_at"),
        {"postgresql_partition_by": "RANGE (started_at)"},
    )

    request_id: Mapped[str] = mapped_column(primary_key=True)
    started_at: Mapped[datetime] = mapped_column(primary_key=True)
    ended_at: Mapped[datetime | None]
    project_id: Mapped[UUID]
    key_id: Mapped[UUID]
    user_id: Mapped[UUID | None]
    served_model_id: Mapped[str]
    version_id: Mapped[str]
    model: Mapped[str]
    endpoint: Mapped[str]
    state: Mapped[UsageState] = mapped_column(text_enum(UsageState))
    status: Mapped[int | None]
    prompt_tokens: Mapped[int]
    completion_tokens: Mapped[int]
    cached_tokens: Mapped[int]
    estimated: Mapped[bool]
    first_byte_seconds: Mapped[float | None]
    route: Mapped[str | None]
    external_endpoint_id: Mapped[str | None]
    shadow: Mapped[bool] = mapped_column(default=False, server_default=false())
    fallback: Mapped[bool] = mapped_column(default=False, server_default=false())
    received_at: Mapped[datetime] = mapped_column(default=clock.now)
