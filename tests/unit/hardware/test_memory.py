"""Main memory and the control group's limit."""

import pytest

from appliance.hardware.memory import parse_memory

MEMINFO = "MemTotal:       16384 kB\nMemFree:         1024 kB\nMemAvailable:    8192 kB\nHugePages_Total:       0\n"


@pytest.mark.parametrize(
    ("limits", "limit_bytes"),
    [
        ([], None),
        (["max\n"], None),
        (["9223372036854771712\n"], None),
        (["1048576\n"], 1048576),
    ],
)
def test_limits(limits: list[str], limit_bytes: int | None) -> None:
    memory = parse_memory(MEMINFO, limits=limits)
    assert memory.total_bytes == 16384 * 1024
    assert memory.available_bytes == 8192 * 1024
    assert memory.limit_bytes == limit_bytes
