"""A node's states, without a database."""

from datetime import datetime, timedelta
from enum import StrEnum

from appliance.base.contracts.heartbeat import UNREACHABLE_SECONDS


class DesiredNodeState(StrEnum):
    """What an admin wants of a node. `draining`: nothing new is placed on it, and what runs there moves elsewhere."""

    SERVING = "serving"
    DRAINING = "draining"


class NodeState(StrEnum):
    """What a node is now. Silence weighs more than a drain: of a silent node nobody knows whether it drains."""

    READY = "ready"
    UNREACHABLE = "unreachable"
    DRAINING = "draining"


def node_state(desired: DesiredNodeState, *, observed_at: datetime, now: datetime) -> NodeState:
    if now - observed_at > timedelta(seconds=UNREACHABLE_SECONDS):
        return NodeState.UNREACHABLE
    return NodeState.DRAINING if desired is DesiredNodeState.DRAINING else NodeState.READY
