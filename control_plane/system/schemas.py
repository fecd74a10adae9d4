"""The state of the system on the wire."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from appliance.base.ids import public_id
from control_plane.nodes.domain import NodeState, node_state
from control_plane.nodes.tables import Node
from control_plane.reconcilers.tables import ReconcilerStatus
from control_plane.served_models.tables import DesiredState, ObservedState, Replica, ReplicaState, ServedModel


class ReconcilerAnswer(BaseModel):
    """`last_error` is null while all is well; `backlog` counts what is still to be done."""

    name: str
    last_run_at: int | None
    last_success_at: int | None
    last_error: str | None
    backlog: int
    duration_seconds: float | None


class ReplicaStatus(BaseModel):
    id: str
    state: ReplicaState
    node_id: str
    engine_pid: int
    last_seen_at: int


class ServedModelStatus(BaseModel):
    id: str
    name: str
    desired_state: DesiredState
    desired_replicas: int
    observed_state: ObservedState
    observed_reason: str | None
    observed_replicas: int
    replicas: list[ReplicaStatus]


class NodeStatus(BaseModel):
    """`spool_*`: usage that the node's gateway wrote and its agent has not shipped yet."""

    id: str
    hostname: str
    state: NodeState
    observed_at: int
    spool_bytes: int
    spool_oldest_seconds: float


class Versions(BaseModel):
    appliance: str
    schema_revision: str | None
    postgresql: str


class SystemStatus(BaseModel):
    object: Literal["system.status"] = "system.status"
    versions: Versions
    reconcilers: list[ReconcilerAnswer]
    served_models: list[ServedModelStatus]
    nodes: list[NodeStatus]


def unix(time: datetime | None) -> int | None:
    return int(time.timestamp()) if time else None


def reconciler_answer(row: ReconcilerStatus) -> ReconcilerAnswer:
    return ReconcilerAnswer(
        name=row.name,
        last_run_at=unix(row.last_run_at),
        last_success_at=unix(row.last_success_at),
        last_error=row.last_error,
        backlog=row.backlog,
        duration_seconds=row.duration_seconds,
    )


def served_model_status(row: ServedModel, replicas: list[Replica]) -> ServedModelStatus:
    return ServedModelStatus(
        id=public_id("srv", row.id),
        name=row.name,
        desired_state=row.desired_state,
        desired_replicas=row.desired_replicas,
        observed_state=row.observed_state,
        observed_reason=row.observed_reason,
        observed_replicas=row.observed_replicas,
        replicas=[
            ReplicaStatus(
                id=replica.replica_id,
                state=replica.state,
                node_id=replica.node_id,
                engine_pid=replica.engine_pid,
                last_seen_at=int(replica.last_seen_at.timestamp()),
            )
            for replica in replicas
        ],
    )


def node_status(node: Node, *, now: datetime) -> NodeStatus:
    return NodeStatus(
        id=public_id("node", node.id),
        hostname=node.hostname,
        state=node_state(node.desired_state, observed_at=node.observed_at, now=now),
        observed_at=int(node.observed_at.timestamp()),
        spool_bytes=node.observed_facts.get("spool_bytes", 0),
        spool_oldest_seconds=node.observed_facts.get("spool_oldest_seconds", 0.0),
    )
