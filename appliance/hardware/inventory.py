"""What a node has, as values that travel to the control plane. Units in names; unknown is None, never 0.

Plain dataclasses, because each vendor is asked in a process of its own that makes these and nothing else
(`appliance.hardware.probe`): importing pydantic would take three times as long as all that such a process does. Who
reads what came from outside checks it against these types with pydantic (`vendor_process`).
"""

import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

Groups = dict[int, tuple[tuple[int, ...], ...]]
"""Sets of indices by size."""
BusId = str
"""A PCI address as the kernel writes it, lower case with its domain: `0000:17:00.0`."""


@dataclass(frozen=True, kw_only=True)
class NumaNode:
    index: int
    cores: tuple[int, ...]
    memory_bytes: int


@dataclass(frozen=True, kw_only=True)
class Processor:
    """`cores` are logical CPUs that this process may run on; `flags` are those of /proc/cpuinfo."""

    name: str
    architecture: str
    cores: int
    physical_cores: int
    flags: tuple[str, ...]
    numa_nodes: tuple[NumaNode, ...]


@dataclass(frozen=True, kw_only=True)
class Memory:
    """`limit_bytes` is the control group's limit when there is one below `total_bytes`."""

    total_bytes: int
    available_bytes: int
    limit_bytes: int | None


class HealthState(StrEnum):
    """`failed`: place nothing on it. `warning`: it works, somebody should look. `unknown`: nobody could be asked."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Health:
    """`reasons` are sentences for an admin: uncorrected ECC errors, Xid 79, temperature over the limit ..."""

    state: HealthState = HealthState.UNKNOWN
    reasons: tuple[str, ...] = ()


class LinkKind(StrEnum):
    """From near to far; below `fabric` the words are those of `nvidia-smi topo -m`, read off the PCI tree.

    `fabric`: the vendor's own link (NVLink, Infinity Fabric, HCCS, XPU Link, MetaXLink ...). `pix`: one PCI switch.
    `pxb`: several. `phb`: one host bridge. `node`: one NUMA node. `sys`: across NUMA nodes.
    """

    FABRIC = "fabric"
    PIX = "pix"
    PXB = "pxb"
    PHB = "phb"
    NODE = "node"
    SYS = "sys"


@dataclass(frozen=True, kw_only=True)
class Link:
    """From one card to another of the same node. `name` is the vendor's word for a fabric link, such as `NV18`."""

    peer_index: int
    kind: LinkKind
    name: str | None = None
    bytes_per_second: int | None = None


@dataclass(frozen=True, kw_only=True)
class Selectors:
    """The names by which a card, or a slice of one, is chosen; empty where the vendor documents none.

    `process` goes into an engine's environment (`CUDA_VISIBLE_DEVICES`), `container` into a container runtime's
    (`NVIDIA_VISIBLE_DEVICES`); both as name to this card's value, several cards joined by commas. `fixed` stands beside
    them in the same environment, with one value however many cards there are (`CUDA_DEVICE_ORDER`). `device_nodes` are
    the files that a container must be given. `kubernetes` is the device plug-in's resource name.
    """

    process: dict[str, str] = field(default_factory=dict[str, str])
    container: dict[str, str] = field(default_factory=dict[str, str])
    fixed: dict[str, str] = field(default_factory=dict[str, str])
    device_nodes: tuple[str, ...] = ()
    kubernetes: str | None = None


@dataclass(frozen=True, kw_only=True)
class Partition:
    """A slice of a card that engines see as a device of its own: a MIG device, a vNPU, a DRS instance.

    `selectors` choose it instead of the card; an engine gets one slice, not several.
    """

    name: str
    uuid: str
    memory_bytes: int
    selectors: Selectors = Selectors()


@dataclass(frozen=True, kw_only=True)
class Partitioning:
    """How the card is cut up. `mode` in the vendor's words (`mig`, `SPX/NPS1`); None where it is whole."""

    mode: str | None = None
    partitions: tuple[Partition, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Accelerator:
    """One device that an engine can run on.

    `family` is what engine packs name: `cpu`, `cuda`, `rocm`, `cann`, `kunlun`, `dtk`, `neuware`, `corex`, `maca`,
    `musa`, `topsrider`, `hggc`, `xpu`, `gaudi`. `utilization` is 0 to 1. `compute_capability` and `architecture` are
    the vendor's own words (`9.0`, `gfx942`, `Ascend910B3`).
    """

    family: str
    vendor: str
    name: str
    index: int
    uuid: str | None = None
    bus_id: BusId | None = None
    memory_bytes: int
    memory_used_bytes: int | None = None
    utilization: float | None = None
    temperature_celsius: float | None = None
    power_watts: float | None = None
    power_limit_watts: float | None = None
    driver_version: str | None = None
    runtime_version: str | None = None
    compute_capability: str | None = None
    architecture: str | None = None
    health: Health = Health()
    numa_node: int | None = None
    links: tuple[Link, ...] = ()
    partitioning: Partitioning = Partitioning()
    selectors: Selectors = Selectors()


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Something about a vendor's part that discovery could not do, for an admin: what, and what to do about it."""

    vendor: str
    message: str
    hint: str


@dataclass(frozen=True, kw_only=True)
class Detected:
    """One vendor's answer. `source` says who gave it: the library, the tool, or the PCI bus alone.

    `card_groups` are the sets of indices that may work together on one model, by size, where the vendor restricts them
    (a P800's groups of four are {0-3} and {4-7}); no entry for a size means that any set of that size may.
    """

    accelerators: tuple[Accelerator, ...] = ()
    card_groups: Groups = field(default_factory=dict[int, tuple[tuple[int, ...], ...]])
    source: Literal["library", "tool", "pci"] = "library"
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Inventory:
    hostname: str
    kernel: str
    processor: Processor
    memory: Memory
    accelerators: tuple[Accelerator, ...]
    card_groups: dict[str, Groups] = field(default_factory=dict[str, Groups])
    problems: tuple[Problem, ...] = ()


def to_json(fact: object) -> str:
    """Any of the values above, in one line."""
    return json.dumps(fact, default=vars)
