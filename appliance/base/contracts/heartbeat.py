"""What a node's agent tells the control plane every `HEARTBEAT_SECONDS`: who it is, what it has, how it is.

`POST /api/v1/nodes/heartbeat` with the node token. A node that was silent for `UNREACHABLE_SECONDS` is unreachable.

`HEARTBEAT_FORMAT` rises only with a change that an older control plane would misread. A field that is added has a
default and leaves it alone: an older control plane ignores what it does not know, a newer one fills in what an older
agent does not say. For the same reason states and kinds are words here, not enums: a word that is new to the reader
must not cost it the whole heartbeat.
"""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

HEARTBEAT_FORMAT = 1
HEARTBEAT_SECONDS = 10.0
UNREACHABLE_SECONDS = 35.0

Figure = Annotated[float, Field(allow_inf_nan=False)]
CardGroups = dict[str, dict[int, tuple[tuple[int, ...], ...]]]
"""By family and size: the sets of indices that may work together, as `appliance.hardware.inventory` has them."""


class Report(BaseModel):
    """The shapes below have the names and meanings of `appliance.hardware.inventory`, field by field."""

    model_config = ConfigDict(frozen=True)


class HealthReport(Report):
    """`state`: `ok`, `warning`, `failed`, or `unknown`; `reasons` are sentences for an admin."""

    state: str = "unknown"
    reasons: tuple[str, ...] = ()


class LinkReport(Report):
    """`kind`: `fabric`, `pix`, `pxb`, `phb`, `node`, `sys`."""

    peer_index: int
    kind: str
    name: str | None = None
    bytes_per_second: int | None = None


class SelectorsReport(Report):
    process: dict[str, str] = {}
    container: dict[str, str] = {}
    fixed: dict[str, str] = {}
    device_nodes: tuple[str, ...] = ()
    kubernetes: str | None = None


class PartitionReport(Report):
    name: str
    uuid: str
    memory_bytes: int
    selectors: SelectorsReport = SelectorsReport()


class PartitioningReport(Report):
    mode: str | None = None
    partitions: tuple[PartitionReport, ...] = ()


class NumaReport(Report):
    """`cores`: the logical CPUs that engines may be bound to, one of each physical core."""

    index: int
    cores: tuple[int, ...] = ()


class ProblemReport(Report):
    """What discovery could not do for one vendor, and what to do about it."""

    vendor: str
    message: str
    hint: str


class AcceleratorFacts(Report):
    """What stays the same from one heartbeat to the next, unless somebody changes the machine."""

    uuid: str | None = None
    bus_id: str | None = None
    power_limit_watts: Figure | None = None
    runtime_version: str | None = None
    compute_capability: str | None = None
    architecture: str | None = None
    numa_node: int | None = None
    links: tuple[LinkReport, ...] = ()
    partitioning: PartitioningReport = PartitioningReport()
    selectors: SelectorsReport = SelectorsReport()


class AcceleratorReport(AcceleratorFacts):
    """One card. `key` stays the same over a reboot: the vendor's UUID or serial number, else the PCI address.

    `utilization` is 0 to 1. `healthy` and `problem` are `health` in the words of the first version; an agent of that
    version leaves `health` out.
    """

    key: str
    index: int
    vendor: str
    family: str
    name: str
    memory_bytes: int | None = None
    memory_used_bytes: int | None = None
    utilization: Figure | None = None
    temperature_celsius: Figure | None = None
    power_watts: Figure | None = None
    driver_version: str | None = None
    healthy: bool = True
    problem: str | None = None
    health: HealthReport | None = None


class Heartbeat(Report):
    """`address` is where other nodes reach this one. `spool_*` say how much usage is not shipped yet.

    `engine_packs` are those that are installed, `weights` the digests of the versions that lie here whole.
    `problems` are discovery's. `memory_available_bytes` is the whole machine's, also where `memory_bytes` is the limit
    of a control group.
    """

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
    memory_available_bytes: int | None = None
    disk_free_bytes: int | None = None
    accelerators: tuple[AcceleratorReport, ...] = ()
    card_groups: CardGroups = {}
    numa_nodes: tuple[NumaReport, ...] = ()
    engine_packs: tuple[str, ...] = ()
    weights: tuple[str, ...] = ()
    problems: tuple[ProblemReport, ...] = ()
    spool_bytes: int = 0
    spool_oldest_seconds: float = 0.0
