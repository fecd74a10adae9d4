"""Tables of served models, their replicas, and the bundled models' first intent."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, text
from sqlalchemy.orm import Mapped, mapped_column

from control_plane.database.base import Base, Row, text_enum


class ManagedBy(StrEnum):
    """Who owns the intent, so that one way of managing does not revert the other."""

    CONSOLE = "console"
    CLI = "cli"
    HELM = "helm"


class DesiredState(StrEnum):
    SERVING = "serving"
    REMOVED = "removed"


class ObservedState(StrEnum):
    ABSENT = "absent"
    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    UNHEALTHY = "unhealthy"
    FAILED = "failed"
    DRAINING = "draining"


class ReplicaState(StrEnum):
    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"
    LOST = "lost"


class ServedModel(Row, Base):
    """A public name, unique in the installation. `desired_replicas` 0 is stopped; REMOVED is drained, then the row
    goes.

    `start_after_id` names one that is to be ready first, so that the box answers early. `engine_pack` is the one that
    an admin chose; without it the version's own runs. `placement_rules` are those of `control_plane.placements`.
    With `max_replicas` the autoscaler writes `desired_replicas`; the other three are its own then.
    """

    __tablename__ = "served_models"
    __table_args__ = (CheckConstraint("desired_replicas >= 0", name="desired_replicas_not_negative"),)

    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id"), index=True)
    name: Mapped[str] = mapped_column(unique=True)
    version_id: Mapped[UUID] = mapped_column(ForeignKey("model_versions.id"), index=True)
    task: Mapped[str]
    managed_by: Mapped[ManagedBy] = mapped_column(text_enum(ManagedBy))
    desired_state: Mapped[DesiredState] = mapped_column(text_enum(DesiredState), default=DesiredState.SERVING)
    desired_replicas: Mapped[int] = mapped_column(default=1)
    min_replicas: Mapped[int | None]
    max_replicas: Mapped[int | None]
    target_per_replica: Mapped[int | None]
    idle_seconds: Mapped[int | None]
    max_model_len: Mapped[int]
    engine_pack: Mapped[str | None]
    placement_rules: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default=text("'{}'"))
    start_after_id: Mapped[UUID | None] = mapped_column(ForeignKey("served_models.id", ondelete="SET NULL"))
    observed_state: Mapped[ObservedState] = mapped_column(text_enum(ObservedState), default=ObservedState.ABSENT)
    observed_reason: Mapped[str | None]
    observed_replicas: Mapped[int] = mapped_column(default=0)
    observed_at: Mapped[datetime | None]


class Replica(Row, Base):
    """A replica as it last spoke of itself in Redis. `replica_id` is its own name; an address is node and endpoint."""

    __tablename__ = "replicas"

    replica_id: Mapped[str] = mapped_column(unique=True)
    served_model_id: Mapped[UUID] = mapped_column(ForeignKey("served_models.id", ondelete="CASCADE"), index=True)
    version_id: Mapped[str]
    node_id: Mapped[str]
    endpoint: Mapped[str]
    state: Mapped[ReplicaState] = mapped_column(text_enum(ReplicaState))
    engine_pid: Mapped[int]
    started_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]


class BundledIntent(Row, Base):
    """That a bundled model was served once by itself. An admin who then removes or stops it has the last word."""

    __tablename__ = "bundled_intents"

    model_name: Mapped[str] = mapped_column(unique=True)
