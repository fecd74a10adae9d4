"""Main memory from /proc/meminfo, and the control group's limit (v2 `memory.max`, v1 `memory.limit_in_bytes`)."""

from pathlib import Path

from appliance.hardware.inventory import Memory

MEMINFO = "proc/meminfo"
CGROUP_LIMITS = ("sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes")
KIB = 1024


def read_memory(root: Path = Path("/")) -> Memory:
    """This machine's, or that of the machine whose files lie below `root`; zeros where it has no such file."""
    limits = [(root / limit).read_text() for limit in CGROUP_LIMITS if (root / limit).is_file()]
    if root != Path("/") and not (root / MEMINFO).is_file():
        return Memory(total_bytes=0, available_bytes=0, limit_bytes=None)
    return parse_memory((root / MEMINFO).read_text(), limits=limits)


def parse_memory(meminfo: str, *, limits: list[str]) -> Memory:
    """A limit of `max`, or one above the total (v1 writes a huge number for none), is no limit."""
    figures = {
        name: int(rest.split()[0]) * KIB for name, _, rest in (line.partition(":") for line in meminfo.splitlines())
    }
    total = figures["MemTotal"]
    below = [int(limit) for limit in limits if limit.strip().isdigit() and int(limit) < total]
    return Memory(
        total_bytes=total,
        available_bytes=figures.get("MemAvailable", figures.get("MemFree", 0)),
        limit_bytes=min(below, default=None),
    )
