"""What a node's agent tells the control plane every `HEARTBEAT_SECONDS`: who it is, what it has, how it is.

`POST /api/v1/nodes/heartbeat` with the node token. A node that was silent for `LOST_SECONDS` counts as lost.
"""

from uuid import UUID

from pydantic import BaseModel, ConfigDict

HEARTBEAT_FORMAT = 1
HEARTBEAT_SECONDS = 10.0
LOST_SECONDS = 35.0


class AcceleratorReport(BaseModel):
    """One card. `key` stays the same over a reboot: the vendor's UUID or serial number, else the PCI address."""

    model_config = ConfigDict(frozen=True)

    key: str
    index: int
    vendor: str
    family: str
    name: str
    memory_bytes: int | None = None
    driver_version: str | None = None
    healthy: bool = True
    problem: str | None = None


class Heartbeat(BaseModel):
    """`address` is where other nodes reach this one. `spool_*` say how much usage is not shipped yet."""

    model_config = ConfigDict(frozen=True)

    format: int = HEARTBEAT_FORMAT
    node_id: UUID
    hostname: str
    address: str
    appliance_version: str
    os: str
    architecture: str
    cpu_model: str
    cpu_count: int
    cpu_flags: tuple[str, ...] = ()
    memory_bytes: int
    disk_free_bytes: int | None = None
    accelerators: tuple[AcceleratorReport, ...] = ()
    spool_bytes: int = 0
    spool_oldest_seconds: float = 0.0
