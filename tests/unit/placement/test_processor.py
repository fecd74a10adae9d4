"""Replicas on the processor: cores are given once, whole NUMA nodes first."""

import pytest

from appliance.placement.bits import from_bits, to_bits
from appliance.placement.cores import choose_cores
from appliance.placement.layouts import CPU
from appliance.placement.nodes import Claim, NumaView
from appliance.placement.planner import plan
from tests.unit.placement.values import GIB, demand, layout, node

NUMA = (to_bits(range(4)), to_bits(range(4, 8)), to_bits(range(8, 12)))
ALL = to_bits(range(12))


@pytest.mark.parametrize(
    ("free", "count", "ranks", "near", "cores"),
    [
        (ALL, 4, 1, (), [0, 1, 2, 3]),
        (ALL, 2, 1, (), [0, 1]),
        (ALL & ~to_bits([0]), 3, 1, (), [1, 2, 3]),
        (ALL & ~to_bits([0]), 4, 1, (), [4, 5, 6, 7]),
        (ALL & ~to_bits([0, 1, 4]), 2, 1, (), [2, 3]),
        (ALL & ~to_bits([0, 1]), 6, 1, (), [2, 3, 4, 5, 6, 7]),
        (ALL, 4, 2, (), [0, 1, 2, 3]),
        (ALL & ~to_bits([0, 1]), 6, 2, (), [4, 5, 6, 8, 9, 10]),
        (ALL, 2, 1, (2,), [8, 9]),
        (to_bits([0, 1, 8]), 2, 1, (2,), [0, 1]),
        (to_bits([0, 4, 8]), 2, 1, (2,), [8, 0]),
        (ALL, 0, 1, (), []),
    ],
)
def test_cores(free: int, count: int, ranks: int, near: tuple[int, ...], cores: list[int]) -> None:
    found = choose_cores(free, NUMA, count=count, ranks=ranks, near=near)
    assert sorted(found.cores) == sorted(cores)
    assert not to_bits(found.cores) & ~free
    each = count // ranks
    for rank in range(ranks):
        mine = to_bits(found.cores[rank * each : (rank + 1) * each])
        assert ranks == 1 or sum(1 for numa in NUMA if numa & mine) == 1


def test_bits_are_numbers_in_order() -> None:
    assert from_bits(to_bits([70, 3, 0])) == [0, 3, 70]


def test_two_engines_get_different_cores_and_whole_numa_nodes() -> None:
    found = plan([node("a")], demands=[demand(layout(CPU, gib=4, cores=8), replicas=3)])
    assert [part.cores for each in found.assignments for part in each.parts] == [tuple(range(8)), tuple(range(8, 16))]
    assert found.missing[0].obstructed[0].reason.sentence == "0 of 8 cores free"


def test_cores_that_others_hold_are_left_alone() -> None:
    found = plan([node("a")], demands=[demand(layout(CPU, cores=6))], claims=[Claim("a", cores=(0, 1, 2))])
    assert found.assignments[0].parts[0].cores == tuple(range(8, 14))


def test_the_memory_of_an_engine_on_the_processor_is_main_memory() -> None:
    box = node("a", host_memory_bytes=10 * GIB)
    found = plan([box], demands=[demand(layout(CPU, gib=6, cores=2), replicas=2)])
    assert len(found.assignments) == 1
    assert found.missing[0].obstructed[0].reason.sentence == "4.0 GiB of 6.0 GiB main memory free"
    assert found.assignments[0].claims()[0].cards == {}


def test_a_replica_on_cards_gets_cores_beside_them() -> None:
    found = plan([node("a", "8xH100")], demands=[demand(layout(cores=4), replicas=5)])
    assert [each.parts[0].cores for each in found.assignments] == [
        (0, 1, 2, 3), (4, 5, 6, 7), (8, 9, 10, 11), (12, 13, 14, 15),
    ]  # fmt: skip
    assert found.missing[0].obstructed[0].reason.sentence == "0 of 4 cores free"


def test_a_rank_on_the_processor_stays_in_one_numa_node() -> None:
    found = plan([node("a", numa_nodes=tuple(NumaView(n, tuple(range(4 * n, 4 * n + 4))) for n in range(3)))],
                 demands=[demand(layout(CPU, 2, cores=6))])  # fmt: skip
    assert found.assignments[0].parts[0].cores == (0, 1, 2, 4, 5, 6)


def test_a_layout_on_the_processor_is_checked() -> None:
    with pytest.raises(ValueError, match="no product"):
        layout(CPU, product="EPYC")
    with pytest.raises(ValueError, match="share its cores evenly"):
        layout(CPU, 2, cores=3)
