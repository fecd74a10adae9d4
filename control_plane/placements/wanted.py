"""What a served model asks of the planner: the ways in which its version can run on the nodes that are there."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from appliance.base.errors import ApplianceError
from appliance.engines.pack import load_pack, pack_names
from appliance.placement.demands import Constraints, Demand, Policy
from appliance.placement.layouts import CPU, Layout
from appliance.placement.nodes import NodeView
from appliance.placement.ways import Terms, Weight, cache_bytes, card_kinds, ways
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
    it.
    """

    name: str
    folder: Path
    digest: str
    model_name: str
    size_bytes: int
    task: Literal["chat", "embedding"]
    pack: str | None
    max_model_len: int
    kv_cache_bytes: int
    replicas: int
    rules: PlacementRules


WEIGHTS: dict[Path, Weight] = {}
"""What fit read of a folder; its name is a digest, so what is in it never changes."""


def weight_of(order: Order) -> Weight:
    """Fit's reading of the version's files; by their size alone where it was not taught this type of model."""
    if order.folder not in WEIGHTS:
        try:
            model = replace(model_of_folder(order.folder), name=order.model_name)
            WEIGHTS[order.folder] = Weight(order.model_name, model.weights().size_bytes, model)
        except ApplianceError:
            return Weight(order.model_name, order.size_bytes)
    return WEIGHTS[order.folder]


def terms_of(order: Order, nodes: Iterable[NodeView]) -> Terms:
    return Terms(
        max_model_len=order.max_model_len,
        kv_cache_bytes=order.kv_cache_bytes,
        cores=cores_of(order, nodes),
    )


def cores_of(order: Order, nodes: Iterable[NodeView]) -> tuple[int, ...]:
    """A chat engine on the processor gets a NUMA node's cores to itself while there are any left, others share."""
    if order.rules.cores is not None:
        return (order.rules.cores,)
    most = max((len(numa.cores) for node in nodes for numa in node.numa_nodes), default=0)
    return (most, 0) if order.task == "chat" and most else (0,)


def packs_of(order: Order, nodes: Iterable[NodeView]) -> list[str]:
    """The pack that was chosen, else all that are installed somewhere and serve this task from these files."""
    if order.pack is not None:
        return [order.pack] if order.pack in pack_names() else []
    files = "gguf" if any(order.folder.glob("*.gguf")) else "safetensors"
    installed = {pack for node in nodes for pack in node.packs} & set(pack_names())
    return [
        name
        for name in sorted(installed)
        if order.task in load_pack(name).tasks and files in load_pack(name).weight_formats
    ]


def demand_of(order: Order, nodes: Sequence[NodeView]) -> Demand:
    weight = weight_of(order)
    found = ways(weight, terms_of(order, nodes), kinds=card_kinds(nodes), packs=packs_of(order, nodes))
    layouts = tuple(layout for layout in found if layout.family != CPU) if order.rules.cards else found
    return Demand(
        name=order.name,
        layouts=layouts,
        replicas=order.replicas,
        policy=Policy(order.rules.policy),
        num_attention_heads=weight.attention_heads,
        version_id=order.digest,
        constraints=constraints_of(order, nodes),
    )


def constraints_of(order: Order, nodes: Iterable[NodeView]) -> Constraints:
    """Only nodes on which the weights lie: nothing carries them from one to another yet."""
    named = set(order.rules.nodes)
    holding = [node for node in nodes if order.digest in node.versions]
    allowed = [node.node_id for node in holding if not named or {node.node_id, node.hostname} & named]
    return Constraints(node_ids=frozenset(allowed or [NOWHERE]), products=frozenset(order.rules.cards))


NOWHERE = "no node"
"""An empty set of nodes would mean all of them."""


def cache_of(order: Order, layout: Layout, nodes: Iterable[NodeView]) -> int:
    """KV cache of an engine on the processor; on cards the engine takes what its share of the card leaves."""
    return cache_bytes(weight_of(order), terms_of(order, nodes), layout.pack) if layout.family == CPU else 0
