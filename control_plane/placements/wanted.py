"""What a served model asks of the planner: the ways in which its version can run on the nodes that are there."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from appliance.base.errors import ApplianceError
from appliance.base.tasks import Task
from appliance.engines.pack import EnginePack, load_pack, pack_names
from appliance.placement.demands import Constraints, Demand, Policy
from appliance.placement.layouts import CPU, Layout
from appliance.placement.nodes import NodeView
from appliance.placement.ways import CardKind, Terms, Weight, cache_bytes, card_kinds, ways
from model_catalog.fit.known_models import model_of_folder


class PlacementRules(BaseModel):
    """Where a served model's replicas may go. Empty lists allow all; `cores` bind each engine on the processor."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    policy: Literal["pack", "spread"] = Field(
        default="pack", description="`pack` fills nodes that are begun, `spread` keeps replicas apart."
    )
    cores: int | None = Field(
        default=None,
        ge=0,
        le=1024,
        description="Cores of each engine on the processor; 0: shared.",
    )
    nodes: tuple[str, ...] = Field(default=(), max_length=100, description="Ids or hostnames that may be used.")
    cards: tuple[str, ...] = Field(default=(), max_length=100, description="Products that may be used.")


@dataclass(frozen=True, kw_only=True)
class Order:
    """A served model as placement sees it; `name` is its key, as text. `pack` None: whatever is installed and can run
    it. `sealed`: the artifact that a licence must name.
    """

    name: str
    folder: Path
    digest: str
    model_name: str
    size_bytes: int
    task: Task
    pack: str | None
    max_model_len: int
    kv_cache_bytes: int
    replicas: int
    rules: PlacementRules
    sealed: str | None = None


@dataclass(frozen=True)
class Stock:
    """What the nodes have between them, worked out once for all models of a round."""

    nodes: Sequence[NodeView]

    @cached_property
    def kinds(self) -> list[CardKind]:
        return card_kinds(self.nodes)

    @cached_property
    def packs(self) -> frozenset[str]:
        """Those that are installed somewhere, and that this release knows."""
        return frozenset(pack for packs in {node.packs for node in self.nodes} for pack in packs) & set(pack_names())

    @cached_property
    def most_cores(self) -> int:
        """Of one NUMA node."""
        return max((len(numa.cores) for node in self.nodes for numa in node.numa_nodes), default=0)

    @cached_property
    def holders(self) -> dict[str, list[NodeView]]:
        """The nodes on which a version's weights lie, by its digest."""
        found: dict[str, list[NodeView]] = defaultdict(list)
        for node in self.nodes:
            for digest in node.versions:
                found[digest].append(node)
        return found


WEIGHTS: dict[Path, Weight] = {}
"""What fit read of a folder; its name is a digest, so what is in it never changes."""

MOST_REMEMBERED = 4096
WAYS: dict[tuple[object, ...], tuple[Layout, ...]] = {}


def weight_of(order: Order) -> Weight:
    """Fit's reading of the version's files; by their size alone where it was not taught this type of model."""
    if order.folder not in WEIGHTS:
        try:
            model = replace(model_of_folder(order.folder), name=order.model_name)
            WEIGHTS[order.folder] = Weight(order.model_name, model.weights().size_bytes, model)
        except ApplianceError:
            return Weight(order.model_name, order.size_bytes)
    return WEIGHTS[order.folder]


def terms_of(order: Order, stock: Stock) -> Terms:
    return Terms(
        max_model_len=order.max_model_len,
        kv_cache_bytes=order.kv_cache_bytes,
        cores=cores_of(order, stock),
    )


def cores_of(order: Order, stock: Stock) -> tuple[int, ...]:
    """A chat engine on the processor gets a NUMA node's cores to itself while there are any left, others share."""
    if order.rules.cores is not None:
        return (order.rules.cores,)
    return (stock.most_cores, 0) if order.task == "chat" and stock.most_cores else (0,)


def packs_of(order: Order, stock: Stock) -> list[str]:
    """The pack that was chosen, else all that are installed somewhere and serve this task from these files."""
    if order.pack is not None:
        return [order.pack] if order.pack in pack_names() else []
    files = "gguf" if any(order.folder.glob("*.gguf")) else "safetensors"
    packs = (load_pack(name) for name in sorted(stock.packs))
    return [pack.name for pack in packs if can_serve(pack, order) and files in pack.weight_formats]


def can_serve(pack: EnginePack, order: Order) -> bool:
    return order.task in pack.tasks and (order.sealed is None or pack.launch.sealed is not None)


def demand_of(order: Order, stock: Stock) -> Demand:
    weight = weight_of(order)
    found = ways_of(weight, order.folder, terms_of(order, stock), stock.kinds, packs_of(order, stock))
    layouts = tuple(layout for layout in found if layout.family != CPU) if order.rules.cards else found
    return Demand(
        name=order.name,
        layouts=layouts,
        replicas=order.replicas,
        policy=Policy(order.rules.policy),
        num_attention_heads=weight.attention_heads,
        version_id=order.digest,
        constraints=constraints_of(order, stock),
    )


def ways_of(weight: Weight, folder: Path, terms: Terms, kinds: list[CardKind], packs: list[str]) -> tuple[Layout, ...]:
    """Reckoned once: every turn of the reconciler asks the same for every served model."""
    key = (folder, weight.size_bytes, weight.model is None, terms, tuple(kinds), tuple(packs))
    if key not in WAYS:
        if len(WAYS) >= MOST_REMEMBERED:
            WAYS.clear()
        WAYS[key] = ways(weight, terms, kinds=kinds, packs=packs)
    return WAYS[key]


def constraints_of(order: Order, stock: Stock) -> Constraints:
    """Only nodes on which the weights lie: nothing carries them from one to another yet."""
    named, products = set(order.rules.nodes), frozenset(order.rules.cards)
    holding = stock.holders.get(order.digest, [])
    if not named and len(holding) == len(stock.nodes):
        return Constraints(products=products)
    allowed = [node.node_id for node in holding if not named or {node.node_id, node.hostname} & named]
    return Constraints(node_ids=frozenset(allowed or [NOWHERE]), products=products)


NOWHERE = "no node"
"""An empty set of nodes would mean all of them."""


def cache_of(order: Order, layout: Layout, stock: Stock) -> int:
    """KV cache of an engine on the processor; on cards the engine takes what its share of the card leaves."""
    return cache_bytes(weight_of(order), terms_of(order, stock), layout.pack) if layout.family == CPU else 0
