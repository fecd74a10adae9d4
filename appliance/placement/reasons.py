"""Why a replica has no place on a node: the first filter that it does not pass, with the figures, and as a sentence."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

GIB = 1024**3


class Obstacle(IntEnum):
    """In the order of the filters: the higher, the nearer the node came to taking the replica."""

    NO_LAYOUT = 0
    HEADS = 1
    STATE = 2
    CONSTRAINT = 3
    FAMILY = 4
    PRODUCT = 5
    PACK = 6
    CARD_COUNT = 7
    HEALTH = 8
    CARD_SIZE = 9
    CARDS_HELD = 10
    GROUP = 11
    CORES = 12
    HOST_MEMORY = 13
    NODES = 14
    LAYOUT = 15
    """Not a filter: what ran there is no longer among the ways in which the model can run."""


@dataclass(frozen=True)
class Reason:
    """`found` of `needed`: cards, cores, nodes or bytes of main memory, by the obstacle. `subject`: a name to it.

    `missing_bytes` is what the cards that do not do lack, each, at most (0: they are held alone); `group` the set of
    indices that came nearest, where the vendor restricts them.
    """

    obstacle: Obstacle
    subject: str = ""
    needed: int = 0
    found: int = 0
    missing_bytes: int = 0
    group: tuple[int, ...] = ()

    @property
    def sentence(self) -> str:
        """To follow the node's name and a colon; without a full stop."""
        return _SENTENCES[self.obstacle](self)


def gib(size_bytes: int) -> str:
    return f"{size_bytes / GIB:.1f} GiB"


def ranges(numbers: tuple[int, ...]) -> str:
    """(0, 1, 2, 5) makes {0-2,5}."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return "{" + ",".join(str(a) if a == b else f"{a}-{b}" for a, b in runs) + "}"


def _cards(reason: Reason) -> str:
    """`2 of 4 cards of group {0-3}`; without groups, `2 of the 4 cards needed`."""
    if reason.group:
        return f"{reason.found} of {reason.needed} cards of group {ranges(reason.group)}"
    return f"{reason.found} of the {reason.needed} {'card' if reason.needed == 1 else 'cards'} needed"


def _card_count(reason: Reason) -> str:
    if reason.found >= reason.needed:
        return f"no group of {reason.needed} cards that may work together"
    return f"{reason.found} of the {reason.needed} {reason.subject} cards needed in all"


def _held(reason: Reason) -> str:
    if reason.missing_bytes:
        return f"{_cards(reason)} free, {gib(reason.missing_bytes)} missing on each of the others"
    return f"{_cards(reason)} free, the others held by other replicas"


def _group(reason: Reason) -> str:
    return f"enough cards free, but not in one allowed group: {_held(reason)}"


_SENTENCES: dict[Obstacle, Callable[[Reason], str]] = {
    Obstacle.NO_LAYOUT: lambda _: "there is no layout to run it in",
    Obstacle.HEADS: lambda r: f"tensor parallelism of {r.found} does not divide {r.needed} attention heads",
    Obstacle.STATE: lambda r: f"the node is {r.subject}",
    Obstacle.CONSTRAINT: lambda _: "not among the nodes that this model may use",
    Obstacle.FAMILY: lambda r: f"nothing of family {r.subject}",
    Obstacle.PRODUCT: lambda r: f"only cards that are not wanted: {r.subject}",
    Obstacle.PACK: lambda r: f"no engine pack {r.subject}",
    Obstacle.CARD_COUNT: _card_count,
    Obstacle.HEALTH: lambda r: f"{_cards(r)} in working order",
    Obstacle.CARD_SIZE: lambda r: f"{_cards(r)} large enough, the others {gib(r.missing_bytes)} too small when empty",
    Obstacle.CARDS_HELD: _held,
    Obstacle.GROUP: _group,
    Obstacle.CORES: lambda r: f"{r.found} of {r.needed} cores free",
    Obstacle.HOST_MEMORY: lambda r: f"{gib(r.found)} of {gib(r.needed)} main memory free",
    Obstacle.NODES: lambda r: f"room here, but on {r.found} of the {r.needed} nodes needed",
    Obstacle.LAYOUT: lambda _: "what runs there is no longer a way in which the model may run",
}
