"""The logical CPUs that engines may be bound to: one of each physical core, of those that this process may run on.

Two threads of one core share its vector units, which is all that matrix products use. Read from sysfs
(Documentation/admin-guide/cputopology.rst in the kernel's tree).
"""

import os
from collections.abc import Collection
from pathlib import Path

from appliance.hardware.processor import parse_cpu_list

SIBLINGS = "sys/devices/system/cpu/cpu{number}/topology/thread_siblings_list"


def bindable_cores(root: Path = Path("/"), *, allowed: Collection[int] | None = None) -> frozenset[int]:
    """`allowed` defaults to this process's own. A core whose siblings are not told stands for itself."""
    mine = set(os.sched_getaffinity(0) if allowed is None else allowed)
    return frozenset(number for number in mine if number == min(siblings(root, number) & mine))


def siblings(root: Path, number: int) -> set[int]:
    """The threads of the same physical core, itself included."""
    try:
        return {number, *parse_cpu_list((root / SIBLINGS.format(number=number)).read_text())}
    except (OSError, ValueError):
        return {number}
