"""Take in heartbeats; drain nodes; forget old samples."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from appliance.base import clock
from appliance.base.contracts.heartbeat import (
    HEARTBEAT_FORMAT,
    AcceleratorFacts,
    AcceleratorReport,
    HealthReport,
    Heartbeat,
)
from appliance.base.errors import BadRequest, NotFound
from appliance.base.ids import public_id
from appliance.hardware.inventory import HealthState
from control_plane.access.domain import Principal
from control_plane.audit.service import record
from control_plane.database.session import nudge
from control_plane.nodes import repository
from control_plane.nodes.domain import DesiredNodeState
from control_plane.nodes.samples import sample_rows
from control_plane.nodes.tables import Accelerator, Node

FACTS = set(AcceleratorFacts.model_fields)
SERVE = "serve"
"""The reconciler that places replicas."""


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
    before = for_placement(node) if node else None
    if node is None:
        node = Node(id=heartbeat.node_id, accelerators=[], desired_state=DesiredNodeState.SERVING)
        session.add(node)
        record(session, principal, "node.join", public_id("node", node.id), after={"hostname": heartbeat.hostname})
    node.hostname, node.address, node.observed_at = heartbeat.hostname, heartbeat.address, now
    node.observed_facts = heartbeat.model_dump(mode="json", exclude={"accelerators", "hostname", "address", "node_id"})
    known = {accelerator.key: accelerator for accelerator in node.accelerators}
    for report in heartbeat.accelerators:
        accelerator = known.get(report.key)
        if accelerator is None:
            accelerator = known[report.key] = Accelerator(key=report.key)
            node.accelerators.append(accelerator)
        observe(accelerator, report, now)
    if for_placement(node) != before:
        nudge(session, SERVE)
    session.flush()
    repository.add_samples(session, sample_rows(node.accelerators, now=now))
    return node


def for_placement(node: Node) -> tuple[object, ...]:
    """What placement goes by: a change hurries the serve reconciler."""
    facts = [node.observed_facts.get(name) for name in ("memory_bytes", "numa_nodes", "engine_packs", "weights")]
    cards = [(card.key, card.memory_bytes, card.observed_health_state) for card in node.accelerators]
    return (*facts, sorted(cards, key=lambda card: card[0]))


def observe(accelerator: Accelerator, report: AcceleratorReport, now: datetime) -> None:
    accelerator.index = report.index
    accelerator.vendor, accelerator.family, accelerator.name = report.vendor, report.family, report.name
    accelerator.memory_bytes, accelerator.driver_version = report.memory_bytes, report.driver_version
    accelerator.observed_healthy, accelerator.observed_problem = report.healthy, report.problem
    health = health_of(report)
    accelerator.observed_health_state, accelerator.observed_health_reasons = state_word(health), list(health.reasons)
    accelerator.observed_memory_used_bytes = report.memory_used_bytes
    accelerator.observed_utilization = report.utilization
    accelerator.observed_temperature_celsius = report.temperature_celsius
    accelerator.observed_power_watts = report.power_watts
    accelerator.observed_facts = report.model_dump(mode="json", include=FACTS)
    accelerator.observed_at = now


def health_of(report: AcceleratorReport) -> HealthReport:
    """An agent of the first version says only whether a card is healthy, and why not."""
    if report.health is not None:
        return report.health
    reasons = (report.problem,) if report.problem else ()
    return HealthReport(state=HealthState.OK if report.healthy else HealthState.FAILED, reasons=reasons)


def state_word(health: HealthReport) -> HealthState:
    """A word that only a newer agent knows tells us nothing."""
    return HealthState(health.state) if health.state in set(HealthState) else HealthState.UNKNOWN


def get_node(session: Session, node_id: UUID | None) -> Node:
    """Raises NotFound; also for None, which is what an id of another kind is parsed to."""
    node = repository.node_by_id(session, node_id) if node_id else None
    if node is None:
        raise NotFound("There is no such node.", hint="`appliance nodes list` shows them.", param="node_id")
    return node


def want(session: Session, principal: Principal, node: Node, desired: DesiredNodeState) -> Node:
    """Idempotent: wanting the same again changes nothing and is not audited again. The serve reconciler moves what
    runs there.
    """
    before = node.desired_state
    if before is not desired:
        node.desired_state = desired
        action = "node.drain" if desired is DesiredNodeState.DRAINING else "node.undrain"
        record(
            session,
            principal,
            action,
            public_id("node", node.id),
            before={"desired_state": before.value},
            after={"desired_state": desired.value},
        )
        nudge(session, SERVE)
    return node


def forget_samples(session: Session, node_id: UUID, *, now: datetime) -> None:
    """For the reconciler."""
    repository.forget_samples(session, node_id, now=now)
