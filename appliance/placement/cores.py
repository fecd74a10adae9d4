"""Which cores an engine is bound to. Two engines bound to the same cores starve each other, so cores are given once.

Whole NUMA nodes first: an engine that stays in one reads its weights from the near memory.
"""

from dataclasses import dataclass

from appliance.placement.bits import from_bits, lowest


@dataclass(frozen=True)
class CoreChoice:
    """`cores` in the order of the ranks. `numa`: NUMA nodes touched; `broken`: whole free ones left partly free."""

    cores: tuple[int, ...]
    numa: int
    broken: int


def choose_cores(
    free: int, numa: tuple[int, ...], *, count: int, ranks: int = 1, near: tuple[int, ...] = ()
) -> CoreChoice:
    """`count` of the `free` cores (bits), of which there must be as many; the same number for each rank.

    `numa` holds each NUMA node's cores (bits); those at the positions `near` are taken first.
    """
    left, taken = free, list[int]()
    for _ in range(ranks):
        mine = _one_rank(left, numa, count=count // ranks, near=near)
        taken += from_bits(mine)
        left &= ~mine
    used = free & ~left
    return CoreChoice(
        cores=tuple(taken),
        numa=sum(1 for cores in numa if cores & used),
        broken=sum(1 for cores in numa if cores & used and not cores & ~free and cores & left),
    )


def _one_rank(free: int, numa: tuple[int, ...], *, count: int, near: tuple[int, ...]) -> int:
    """From the NUMA node that is left with least, if one has enough; else the fullest is emptied first."""
    taken = 0
    while count:
        offers = [(place not in near, (cores & free).bit_count(), place) for place, cores in enumerate(numa)]
        enough = [offer for offer in offers if offer[1] >= count]
        _, size, place = min(enough) if enough else min(offers, key=lambda offer: (offer[0], -offer[1], offer[2]))
        if not size:  # the near ones are empty
            near = ()
            continue
        mine = lowest(numa[place] & free, count=min(count, size))
        taken, free, count = taken | mine, free & ~mine, count - mine.bit_count()
    return taken
