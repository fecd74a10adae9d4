"""Take in heartbeats."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from appliance.base import clock
from appliance.base.contracts.heartbeat import HEARTBEAT_FORMAT, LOST_SECONDS, AcceleratorReport, Heartbeat
from appliance.base.errors import BadRequest
from appliance.base.ids import public_id
from control_plane.access.domain import Principal
from control_plane.audit.service import record
from control_plane.nodes import repository
from control_plane.nodes.tables import Accelerator, Node


def take_heartbeat(session: Session, principal: Principal, heartbeat: Heartbeat) -> Node:
    """Write what the node says of itself; an unknown node joins. Only joining is worth an audit entry."""
    if heartbeat.format > HEARTBEAT_FORMAT:
        raise BadRequest(
            f"The node speaks heartbeat format {heartbeat.format}; this control plane knows {HEARTBEAT_FORMAT}.",
            hint="Upgrade the control plane before its nodes.",
            code="newer_format",
        )
    now = clock.now()
    node = repository.node_by_id(session, heartbeat.node_id)
    if node is None:
        node = Node(id=heartbeat.node_id, accelerators=[])
        session.add(node)
        record(session, principal, "node.join", public_id("node", node.id), after={"hostname": heartbeat.hostname})
    node.hostname, node.address, node.observed_at = heartbeat.hostname, heartbeat.address, now
    node.observed_facts = heartbeat.model_dump(mode="json", exclude={"accelerators", "hostname", "address", "node_id"})
    known = {accelerator.key: accelerator for accelerator in node.accelerators}
    for report in heartbeat.accelerators:
        accelerator = known.get(report.key)
        if accelerator is None:
            accelerator = Accelerator(key=report.key)
            node.accelerators.append(accelerator)
        observe(accelerator, report, now)
    session.flush()
    return node


def observe(accelerator: Accelerator, report: AcceleratorReport, now: datetime) -> None:
    accelerator.index = report.index
    accelerator.vendor, accelerator.family, accelerator.name = report.vendor, report.family, report.name
    accelerator.memory_bytes, accelerator.driver_version = report.memory_bytes, report.driver_version
    accelerator.observed_healthy, accelerator.observed_problem = report.healthy, report.problem
    accelerator.observed_at = now


def is_lost(node: Node, now: datetime) -> bool:
    return now - node.observed_at > timedelta(seconds=LOST_SECONDS)
