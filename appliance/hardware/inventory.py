"""What a node has, as values that travel to the control plane."""

from pydantic import BaseModel, ConfigDict


class Fact(BaseModel):
    model_config = ConfigDict(frozen=True)


class NumaNode(Fact):
    index: int
    cores: tuple[int, ...]
    memory_bytes: int


class Processor(Fact):
    """`cores` are logical CPUs that this process may run on; `flags` are those of /proc/cpuinfo."""

    name: str
    architecture: str
    cores: int
    physical_cores: int
    flags: tuple[str, ...]
    numa_nodes: tuple[NumaNode, ...]


class Memory(Fact):
    """`limit_bytes` is the control group's limit when there is one below `total_bytes`."""

    total_bytes: int
    available_bytes: int
    limit_bytes: int | None


class Accelerator(Fact):
    """One device that an engine can run on. `family` is what engine packs name: `cpu`, `cuda`, `rocm`, `cann` ..."""

    family: str
    vendor: str
    name: str
    index: int
    uuid: str | None = None
    memory_bytes: int
    driver_version: str | None = None


class Inventory(Fact):
    hostname: str
    kernel: str
    processor: Processor
    memory: Memory
    accelerators: tuple[Accelerator, ...]
