"""A way in which a model can run: an engine pack on so many cards of a kind. What it needs was reckoned elsewhere."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

CPU = "cpu"
Evidence = Literal["measured", "vendor documentation", "computed"]
TRUST: tuple[Evidence, ...] = ("measured", "vendor documentation", "computed")


@dataclass(frozen=True)
class Layout:
    """One replica's needs. `product` None: any product of the family.

    `bytes_per_card` is what each rank takes of its card; family `cpu` has no cards, its ranks take main memory.
    `host_memory_bytes` and `cores` are needed on each of the `nodes`. A replica has its cards to itself unless it is
    `shared`: then others that are shared too may be put beside it, and its engine must be held to `bytes_per_card`.
    More than one node is for pipelines only: each node runs as many whole stages as the others.
    """

    pack: str
    family: str
    bytes_per_card: int
    product: str | None = None
    tensor_parallel_size: int = 1
    pipeline_parallel_size: int = 1
    nodes: int = 1
    host_memory_bytes: int = 0
    cores: int = 0
    shared: bool = False
    max_model_len: int = 0
    evidence: Evidence = "computed"

    def __post_init__(self) -> None:
        sizes = (self.tensor_parallel_size, self.pipeline_parallel_size, self.nodes)
        if min(sizes) < 1 or min(self.bytes_per_card, self.host_memory_bytes, self.cores) < 0:
            raise ValueError("A layout's sizes are at least 1, its needs at least 0.")
        if self.pipeline_parallel_size % self.nodes:
            raise ValueError(f"{self.pipeline_parallel_size} pipeline stages do not divide among {self.nodes} nodes.")
        if self.family == CPU and (self.product or self.cores % self.cards_per_node):
            raise ValueError("A layout on the processor names no product, and its ranks share its cores evenly.")

    @property
    def cards_per_node(self) -> int:
        """Ranks on each node; on the processor a rank is a set of cores."""
        return self.tensor_parallel_size * self.pipeline_parallel_size // self.nodes

    @property
    def cards(self) -> int:
        return self.cards_per_node * self.nodes

    @property
    def main_memory_bytes(self) -> int:
        """What it takes of each node's main memory."""
        return self.host_memory_bytes + (self.bytes_per_card * self.cards_per_node if self.family == CPU else 0)


def best_first(layouts: Iterable[Layout]) -> tuple[Layout, ...]:
    """The usual order of preference, for callers that have none of their own.

    Cards before the processor; few nodes, then few cards; what was measured before what was reckoned; a long context.
    """
    return tuple(sorted(layouts, key=_order))


def _order(layout: Layout) -> tuple[bool, int, int, int, int, str, str, str]:
    trust = TRUST.index(layout.evidence)
    names = (layout.pack, layout.family, layout.product or "")
    return (layout.family == CPU, layout.nodes, layout.cards, trust, -layout.max_model_len, *names)
