"""Nodes on the wire."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel

from appliance.base.ids import public_id
from control_plane.nodes.service import is_lost
from control_plane.nodes.tables import Accelerator, Node


class AcceleratorAnswer(BaseModel):
    """`present` is false for a card that the last heartbeat no longer named."""

    object: Literal["accelerator"] = "accelerator"
    id: str
    index: int
    vendor: str
    family: str
    name: str
    memory_bytes: int | None
    driver_version: str | None
    healthy: bool
    problem: str | None
    present: bool


class NodeAnswer(BaseModel):
    object: Literal["node"] = "node"
    id: str
    hostname: str
    address: str
    state: Literal["ready", "lost"]
    observed_at: int
    facts: dict[str, Any]
    accelerators: list[AcceleratorAnswer]


def node_answer(node: Node, *, now: datetime) -> NodeAnswer:
    return NodeAnswer(
        id=public_id("node", node.id),
        hostname=node.hostname,
        address=node.address,
        state="lost" if is_lost(node, now) else "ready",
        observed_at=int(node.observed_at.timestamp()),
        facts=node.observed_facts,
        accelerators=[accelerator_answer(accelerator, node) for accelerator in node.accelerators],
    )


def accelerator_answer(accelerator: Accelerator, node: Node) -> AcceleratorAnswer:
    return AcceleratorAnswer(
        id=public_id("acc", accelerator.id),
        index=accelerator.index,
        vendor=accelerator.vendor,
        family=accelerator.family,
        name=accelerator.name,
        memory_bytes=accelerator.memory_bytes,
        driver_version=accelerator.driver_version,
        healthy=accelerator.observed_healthy,
        problem=accelerator.observed_problem,
        present=accelerator.observed_at >= node.observed_at,
    )
