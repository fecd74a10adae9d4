"""Main memory from /proc/meminfo, and the control group's limit (v2 `memory.max`, v1 `memory.limit_in_bytes`)."""

from pathlib import Path

from appliance.hardware.inventory import Memory

MEMINFO = Path("/proc/meminfo")
CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
KIB = 1024


def read_memory() -> Memory:
    limits = [limit.read_text() for limit in CGROUP_LIMITS if limit.is_file()]
    return parse_memory(MEMINFO.read_text(), limits=limits)


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
