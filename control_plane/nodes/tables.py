"""Tables of nodes and accelerators: observations only, written by heartbeats."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from control_plane.database.base import Base, Row


class Node(Row, Base):
    """`id` is the node's own, from its `box.json`. `observed_facts` is the heartbeat without the cards."""

    __tablename__ = "nodes"

    hostname: Mapped[str]
    address: Mapped[str]
    observed_facts: Mapped[dict[str, Any]]
    observed_at: Mapped[datetime]
    accelerators: Mapped[list["Accelerator"]] = relationship(
        lazy="raise", cascade="all, delete-orphan", order_by="Accelerator.index"
    )


class Accelerator(Row, Base):
    """A card; `key` stays the same over a reboot. One that is gone keeps its row, with an old `observed_at`."""

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
    observed_at: Mapped[datetime]
