"""What is wanted: a served model, the ways in which it can run, how often, and where it may."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from appliance.placement.layouts import Layout
from appliance.placement.nodes import NodeView


class Policy(StrEnum):
    """`pack`: fill what is begun, so that whole nodes and groups stay free. `spread`: away from its other replicas."""

    PACK = "pack"
    SPREAD = "spread"


@dataclass(frozen=True)
class Constraints:
    """Where replicas may go. Empty means anywhere; what is excluded stays excluded even if it is also allowed."""

    node_ids: frozenset[str] = frozenset()
    excluded_node_ids: frozenset[str] = frozenset()
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    products: frozenset[str] = frozenset()
    excluded_products: frozenset[str] = frozenset()

    def allow_node(self, node: NodeView) -> bool:
        if node.node_id in self.excluded_node_ids or (self.node_ids and node.node_id not in self.node_ids):
            return False
        return all(node.labels.get(name) == value for name, value in self.labels.items())

    def allow_product(self, product: str) -> bool:
        return product not in self.excluded_products and (not self.products or product in self.products)

    @property
    def any_node(self) -> bool:
        return not (self.node_ids or self.excluded_node_ids or self.labels)


@dataclass(frozen=True)
class Demand:
    """`layouts` best first (`layouts.best_first` orders them where the caller has no order of its own).

    Layouts over several nodes are tried only when none on a single node fits. `num_attention_heads` None: not checked.
    `version_id` is looked for among the nodes' `versions`.
    """

    name: str
    layouts: tuple[Layout, ...]
    replicas: int = 1
    policy: Policy = Policy.PACK
    num_attention_heads: int | None = None
    version_id: str | None = None
    constraints: Constraints = Constraints()

    def divides_heads(self, layout: Layout) -> bool:
        """vLLM and its like refuse a tensor parallel size that does not divide the attention heads."""
        return self.num_attention_heads is None or self.num_attention_heads % layout.tensor_parallel_size == 0
