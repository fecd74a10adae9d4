"""A node's sign of life: who it is, what it has, how far its usage is behind."""

import platform
import shutil
from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import asdict, replace
from importlib.metadata import version
from uuid import UUID

from appliance.base.contracts.heartbeat import AcceleratorReport, Heartbeat, NumaReport, ProblemReport
from appliance.base.settings import Settings
from appliance.engines.install import installed_packs
from appliance.hardware.cores import bindable_cores
from appliance.hardware.inventory import Accelerator, HealthState, Inventory, Memory, Processor
from appliance.weights.store import WeightStore

HEARTBEAT_PATH = "/api/v1/nodes/heartbeat"
DISTRIBUTION = "thousand-sails"


def compose(
    inventory: Inventory,
    *,
    node_id: UUID,
    settings: Settings,
    spool_bytes: int = 0,
    spool_oldest_seconds: float = 0.0,
    processor_utilization: float | None = None,
) -> Heartbeat:
    """Memory is what this node may use: the control group's limit where there is one."""
    memory = inventory.memory
    shared = shared_names(inventory.accelerators)
    return Heartbeat(
        node_id=node_id,
        hostname=inventory.hostname,
        address=settings.http.bind,
        appliance_version=version(DISTRIBUTION),
        os=f"{os_name()}, kernel {inventory.kernel}",
        architecture=inventory.processor.architecture,
        cpu_model=inventory.processor.name,
        cpu_count=inventory.processor.cores,
        cpu_flags=inventory.processor.flags,
        memory_bytes=memory.limit_bytes or memory.total_bytes,
        memory_available_bytes=memory.available_bytes,
        disk_free_bytes=shutil.disk_usage(settings.paths.root).free,
        accelerators=tuple(
            report(with_processor_figures(one, memory, processor_utilization), shared=shared)
            for one in inventory.accelerators
        ),
        card_groups=inventory.card_groups,
        numa_nodes=numa_report(inventory.processor, bindable=bindable_cores()),
        engine_packs=installed_packs(settings.engines_dir),
        weights=WeightStore(settings.paths.weights).versions(),
        problems=tuple(ProblemReport(**asdict(problem)) for problem in inventory.problems),
        spool_bytes=spool_bytes,
        spool_oldest_seconds=spool_oldest_seconds,
    )


def numa_report(processor: Processor, *, bindable: Set[int]) -> tuple[NumaReport, ...]:
    """Where the kernel knows no NUMA, all cores are one node's."""
    found = tuple(
        NumaReport(index=node.index, cores=tuple(core for core in node.cores if core in bindable))
        for node in processor.numa_nodes
    )
    return found or (NumaReport(index=0, cores=tuple(sorted(bindable))),)


def with_processor_figures(accelerator: Accelerator, memory: Memory, utilization: float | None) -> Accelerator:
    """The processor's use is known to the agent, which looks again and again; used memory only where no control group
    limits it: /proc/meminfo is the machine's.
    """
    if accelerator.family != "cpu":
        return accelerator
    used = memory.total_bytes - memory.available_bytes if memory.limit_bytes is None else None
    return replace(accelerator, utilization=utilization, memory_used_bytes=used)


def shared_names(accelerators: Sequence[Accelerator]) -> frozenset[str]:
    """UUIDs and bus ids that several cards have, as boards without a serial number and twin chips do: they tell none
    of them from the others.
    """
    counted = Counter(name for one in accelerators for name in (one.uuid, one.bus_id) if name)
    return frozenset(name for name, count in counted.items() if count > 1)


def report(accelerator: Accelerator, *, shared: Set[str] = frozenset()) -> AcceleratorReport:
    names = [name for name in (accelerator.uuid, accelerator.bus_id) if name and name not in shared]
    return AcceleratorReport(
        **asdict(accelerator),
        key=names[0] if names else f"{accelerator.family}-{accelerator.index}",
        healthy=accelerator.health.state is not HealthState.FAILED,
        problem=" ".join(accelerator.health.reasons) or None,
    )


def to_json(heartbeat: Heartbeat) -> bytes:
    """Without what is unknown: its defaults say the same. About 1.4 kB for each of eight linked cards."""
    return heartbeat.model_dump_json(exclude_none=True).encode()


def os_name() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    except OSError:
        return platform.system()
