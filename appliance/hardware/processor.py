"""The processor, from /proc/cpuinfo and /sys/devices/system/node (proc(5), the kernel's sysfs-devices-node)."""

import os
import platform
from functools import cache
from pathlib import Path

from appliance.hardware.inventory import NumaNode, Processor

CPUINFO = "proc/cpuinfo"
NODES = "sys/devices/system/node"
KIB = 1024


@cache
def read_processor(root: Path = Path("/")) -> Processor:
    """This machine's processor, which does not change while we run; or what another machine's files say of its own."""
    is_this = root == Path("/")
    cpuinfo = (root / CPUINFO).read_text() if is_this or (root / CPUINFO).is_file() else ""
    return parse_processor(
        cpuinfo,
        architecture=platform.machine() if is_this else "unknown",
        cores=len(os.sched_getaffinity(0)) if is_this else cpuinfo.count("processor\t:"),
        numa_nodes=read_numa_nodes(root / NODES),
    )


def parse_processor(cpuinfo: str, *, architecture: str, cores: int, numa_nodes: tuple[NumaNode, ...]) -> Processor:
    """Flags are called `Features` on ARM. Physical cores are counted by package and core id."""
    blocks = [_fields(block) for block in cpuinfo.strip().split("\n\n")]
    first = blocks[0] if blocks else {}
    physical = {(block.get("physical id"), block.get("core id")) for block in blocks if "core id" in block}
    return Processor(
        name=first.get("model name") or first.get("CPU part") or "unknown",
        architecture=architecture,
        cores=cores,
        physical_cores=len(physical) or cores,
        flags=tuple(sorted((first.get("flags") or first.get("Features") or "").split())),
        numa_nodes=numa_nodes,
    )


def read_numa_nodes(root: Path) -> tuple[NumaNode, ...]:
    """Nodes with cores or memory, in order; none where the kernel knows no NUMA."""
    folders = sorted(root.glob("node[0-9]*"), key=lambda folder: int(folder.name.removeprefix("node")))
    return tuple(
        NumaNode(
            index=int(folder.name.removeprefix("node")),
            cores=parse_cpu_list((folder / "cpulist").read_text()),
            memory_bytes=_node_memory_bytes(folder / "meminfo"),
        )
        for folder in folders
    )


def parse_cpu_list(text: str) -> tuple[int, ...]:
    """`0-2,5` makes (0, 1, 2, 5)."""
    cores: list[int] = []
    for part in filter(None, text.strip().split(",")):
        first, _, last = part.partition("-")
        cores.extend(range(int(first), int(last or first) + 1))
    return tuple(cores)


def _node_memory_bytes(meminfo: Path) -> int:
    for line in meminfo.read_text().splitlines():
        if "MemTotal:" in line:
            return int(line.split()[-2]) * KIB
    return 0


def _fields(block: str) -> dict[str, str]:
    pairs = (line.partition(":") for line in block.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}
