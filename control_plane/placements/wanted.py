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
from appliance.engines.pack import load_pack, pack_names
from appliance.placement.choice import Ground, Wish, able_packs, ground_of, obstacle, ways_here
from appliance.placement.demands import Constraints, Demand, Policy
from appliance.placement.layouts import CPU, Layout
from appliance.placement.nodes import NodeView
from appliance.placement.offers import cores_for
from appliance.placement.ways import Terms, Weight, cache_bytes, rank
from model_catalog.fit.known_models import model_of_folder
from model_catalog.weight_form import WeightForm, form_of_folder


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
    """A served model as placement sees it; `name` is its key, as text. `pack` is an admin's word, `preferred_pack` the
    catalogue's; which one runs it says `appliance.placement.choice`. `sealed`: the artifact that a licence must name.
    `families`: those that these weights were made for; none: any.
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
    preferred_pack: str | None = None
    quantization: str | None = None
    families: tuple[str, ...] = ()
    sealed: str | None = None


@dataclass(frozen=True)
class Stock:
    """What the nodes have between them, worked out once for all models of a round."""

    nodes: Sequence[NodeView]

    @cached_property
    def ground(self) -> Ground:
        return ground_of(self.nodes)

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

FORMS: dict[Path, WeightForm] = {}
NO_WEIGHT = Weight("", 0)
DEFAULT_PACK = "vllm-cpu"
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
    return (order.rules.cores,) if order.rules.cores is not None else cores_for(order.task, stock.ground)


def wish_of(order: Order) -> Wish:
    """How the weights are quantized is the catalogue's word, where it is known which of its variants they are."""
    form = form_of(order.folder)
    return Wish(
        weight=weight_of(order),
        form=replace(form, quantization=order.quantization or form.quantization),
        task=order.task,
        families=order.families,
        sealed=order.sealed is not None,
        chosen=order.pack,
        preferred=order.preferred_pack,
    )


def form_of(folder: Path) -> WeightForm:
    if not folder.is_dir():
        return form_of_folder(folder)
    if folder not in FORMS:
        FORMS[folder] = form_of_folder(folder)
    return FORMS[folder]


def demand_of(order: Order, stock: Stock) -> Demand:
    weight = weight_of(order)
    found = ways_of(order, stock)
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


def obstacle_to(order: Order, stock: Stock) -> str | None:
    """Why it can run in no way on these nodes, whatever else they run; None where it can."""
    return None if ways_of(order, stock) else obstacle(wish_of(order), terms_of(order, stock), stock.ground)


def ways_of(order: Order, stock: Stock) -> tuple[Layout, ...]:
    """Reckoned once: every turn of the reconciler asks the same for every served model."""
    wish, terms = wish_of(order), terms_of(order, stock)
    weight = (order.folder, wish.weight.size_bytes, wish.weight.model is None)
    key = (weight, replace(wish, weight=NO_WEIGHT), terms, stock.ground)
    if key not in WAYS:
        if len(WAYS) >= MOST_REMEMBERED:
            WAYS.clear()
        WAYS[key] = ways_here(wish, terms, stock.ground)
    return WAYS[key]


def unplaced_pack(order: Order) -> str:
    """Where the cluster places replicas itself, nobody here knows its cards: the first pack that is for a processor."""
    everywhere = Ground((), frozenset(pack_names()), memory_bytes=0, cores=0)
    able = sorted(able_packs(wish_of(order), everywhere), key=rank)
    named = order.pack or (order.preferred_pack if order.preferred_pack in able else None)
    on_processor = (pack for pack in able if CPU in load_pack(pack).accelerators)
    return named or next(on_processor, DEFAULT_PACK)


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
