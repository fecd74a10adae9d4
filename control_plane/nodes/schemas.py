"""Nodes on the wire."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel

from appliance.base.contracts.heartbeat import AcceleratorFacts
from appliance.base.ids import public_id
from appliance.hardware.inventory import HealthState
from control_plane.nodes.domain import DesiredNodeState, NodeState, node_state
from control_plane.nodes.tables import Accelerator, Node


class HealthAnswer(BaseModel):
    """`failed`: place nothing on it. `warning`: it works, somebody should look. `unknown`: nobody could be asked."""

    state: HealthState
    reasons: list[str]


class AcceleratorAnswer(AcceleratorFacts):
    """`present` is false for a card that the last heartbeat no longer named; its figures are then those of
    `observed_at`, when it was last seen. `utilization` is 0 to 1; a figure that nobody told is null. `healthy` and
    `problem` are `health` in two fields.
    """

    object: Literal["accelerator"] = "accelerator"
    id: str
    index: int
    vendor: str
    family: str
    name: str
    memory_bytes: int | None
    memory_used_bytes: int | None
    utilization: float | None
    temperature_celsius: float | None
    power_watts: float | None
    driver_version: str | None
    health: HealthAnswer
    healthy: bool
    problem: str | None
    present: bool
    observed_at: int


class NodeAnswer(BaseModel):
    """`state` is what the node is, `desired_state` what an admin wants of it: an unreachable one may drain as well."""

    object: Literal["node"] = "node"
    id: str
    hostname: str
    address: str
    state: NodeState
    desired_state: DesiredNodeState
    observed_at: int
    facts: dict[str, Any]
    accelerators: list[AcceleratorAnswer]


def node_answer(node: Node, *, now: datetime) -> NodeAnswer:
    return NodeAnswer(
        id=public_id("node", node.id),
        hostname=node.hostname,
        address=node.address,
        state=node_state(node.desired_state, observed_at=node.observed_at, now=now),
        desired_state=node.desired_state,
        observed_at=int(node.observed_at.timestamp()),
        facts=node.observed_facts,
        accelerators=[accelerator_answer(accelerator, node) for accelerator in node.accelerators],
    )


def accelerator_answer(accelerator: Accelerator, node: Node) -> AcceleratorAnswer:
    facts = AcceleratorFacts.model_validate(accelerator.observed_facts)
    return AcceleratorAnswer(
        **facts.model_dump(),
        id=public_id("acc", accelerator.id),
        index=accelerator.index,
        vendor=accelerator.vendor,
        family=accelerator.family,
        name=accelerator.name,
        memory_bytes=accelerator.memory_bytes,
        memory_used_bytes=accelerator.observed_memory_used_bytes,
        utilization=accelerator.observed_utilization,
        temperature_celsius=accelerator.observed_temperature_celsius,
        power_watts=accelerator.observed_power_watts,
        driver_version=accelerator.driver_version,
        health=HealthAnswer(state=accelerator.observed_health_state, reasons=list(accelerator.observed_health_reasons)),
        healthy=accelerator.observed_healthy,
        problem=accelerator.observed_problem,
        present=is_present(accelerator, node),
        observed_at=int(accelerator.observed_at.timestamp()),
    )


def is_present(accelerator: Accelerator, node: Node) -> bool:
    """The node's last heartbeat named it."""
    return accelerator.observed_at >= node.observed_at
