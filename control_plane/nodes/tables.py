"""Tables of nodes and accelerators: what heartbeats say of them, and whether an admin drains a node."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column, relationship

from appliance.hardware.inventory import HealthState
from control_plane.database.base import Base, Row, text_enum
from control_plane.nodes.domain import DesiredNodeState


class Node(Row, Base):
    """`id` is the node's own, from its `box.json`. `observed_facts` is the heartbeat without the cards."""

    __tablename__ = "nodes"

    hostname: Mapped[str]
    address: Mapped[str]
    desired_state: Mapped[DesiredNodeState] = mapped_column(
        text_enum(DesiredNodeState), default=DesiredNodeState.SERVING, server_default=DesiredNodeState.SERVING.value
    )
    observed_facts: Mapped[dict[str, Any]]
    observed_at: Mapped[datetime]
    accelerators: Mapped[list["Accelerator"]] = relationship(
        lazy="raise", cascade="all, delete-orphan", order_by="Accelerator.index"
    )


class Accelerator(Row, Base):
    """A card; `key` stays the same over a reboot. One that is gone keeps its row, with an old `observed_at`.

    `observed_facts` is the report's `AcceleratorFacts`. Figures that nobody told are null.
    """

    __tablename__ = "accelerators"
    __table_args__ = (UniqueConstraint("node_id", "key"),)

    node_id: Mapped[UUID] = mapped_column(ForeignKey("nodes.id", ondelete="CASCADE"))
    key: Mapped[str]
    index: Mapped[int]
    vendor: Mapped[str]
    family: Mapped[str]
    name: Mapped[str]
    memory_bytes: Mapped[int | None]
    driver_version: Mapped[str | None]
    observed_healthy: Mapped[bool]
    observed_problem: Mapped[str | None]
    observed_health_state: Mapped[HealthState] = mapped_column(
        text_enum(HealthState), server_default=HealthState.UNKNOWN.value
    )
    observed_health_reasons: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    observed_memory_used_bytes: Mapped[int | None]
    observed_utilization: Mapped[float | None]
    observed_temperature_celsius: Mapped[float | None]
    observed_power_watts: Mapped[float | None]
    observed_facts: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    observed_at: Mapped[datetime]


class NodeSample(Base):
    """One accelerator's figures over one minute (`width_seconds` 60) or one hour (3600), the node's processor included.

    A mean is `*_sum / *_count`: a heartbeat that does not tell a figure does not count for it.
    """

    __tablename__ = "node_samples"

    accelerator_id: Mapped[UUID] = mapped_column(ForeignKey("accelerators.id", ondelete="CASCADE"), primary_key=True)
    width_seconds: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    start_time: Mapped[datetime] = mapped_column(primary_key=True)
    utilization_count: Mapped[int]
    utilization_sum: Mapped[float]
    utilization_max: Mapped[float | None]
    memory_used_bytes_count: Mapped[int]
    memory_used_bytes_sum: Mapped[float]
    memory_used_bytes_max: Mapped[float | None]
    temperature_celsius_count: Mapped[int]
    temperature_celsius_sum: Mapped[float]
    temperature_celsius_max: Mapped[float | None]
    power_watts_count: Mapped[int]
    power_watts_sum: Mapped[float]
    power_watts_max: Mapped[float | None]
