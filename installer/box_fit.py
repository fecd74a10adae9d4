"""What could run on this box: discovery's cards, fit's layouts for them, and the planner's answer for each model."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from appliance.base.errors import BadRequest, NotFound
from appliance.engines.pack import load_pack, pack_names
from appliance.hardware.inventory import Accelerator, Inventory
from appliance.placement.demands import Demand
from appliance.placement.layouts import CPU, Layout, best_first
from appliance.placement.nodes import CardView, NodeView, NumaView
from appliance.placement.sentences import refusal
from appliance.placement.ways import (
    CardKind,
    Terms,
    Weight,
    card_kinds,
    card_of,
    on_card,
    on_cores,
    pack_for,
    subject_of,
)
from appliance.placement.what_fits import Answer, Verdict, what_fits
from model_catalog.catalogue import in_display_order, load_catalogue
from model_catalog.fit.answer import answer, usual_ask
from model_catalog.fit.cards import Card, find_card, this_machine
from model_catalog.fit.known_models import model_of_entry
from model_catalog.schema import CatalogueEntry
from model_catalog.vocabulary import SERVED_TASKS

CPU_PACK = "vllm-cpu"
GIB = 1024**3


@dataclass(frozen=True)
class BoxVerdict:
    """A model on this box. `where` names pack and cards where it fits; `why_not` is what is missing else."""

    model: str
    fits: bool
    pack: str = ""
    where: str = ""
    unverified: bool = False
    why_not: str = ""

    def document(self) -> dict[str, Any]:
        return vars(self)


def verdicts(inventory: Inventory) -> Iterator[BoxVerdict]:
    """Every model of the catalogue, in its order of display, alone on this box as if nothing else ran."""
    node = node_of(inventory)
    kinds = card_kinds([node])
    demands: list[Demand] = []
    for entry in in_display_order(load_catalogue().values()):
        weight = weight_of(entry)
        if isinstance(weight, str):
            yield BoxVerdict(entry.name, fits=False, why_not=weight)
            continue
        found = ways_here(weight, kinds, memory_bytes=node.host_memory_bytes)
        if found:
            demands.append(Demand(entry.name, best_first(found), num_attention_heads=weight.attention_heads))
        else:
            yield BoxVerdict(
                entry.name, fits=False, why_not=nearest(weight, kinds, memory_bytes=node.host_memory_bytes)
            )
    yield from (verdict_of(verdict) for verdict in what_fits([node], demands=demands))


def weight_of(entry: CatalogueEntry) -> Weight | str:
    """What is to be placed, or why it cannot be. A model without a shape is reckoned by its size alone."""
    if entry.task not in SERVED_TASKS:
        return f"No engine pack serves {entry.task} yet."
    if entry.no_shape is None:
        model = model_of_entry(entry)
        try:
            return Weight(entry.name, model.weights().size_bytes, model)
        except BadRequest as error:  # neither a figure nor a count
            return str(error)
    figure = entry.default_variant.weight_bytes
    return "Nobody says how large it is." if figure is None else Weight(entry.name, int(figure.value))


def ways_here(weight: Weight, kinds: list[CardKind], *, memory_bytes: int) -> list[Layout]:
    """By the pack that fit assumes for each kind of card, whether or not it is installed; and on the processor."""
    context = usual_ask(weight.model).context if weight.model else 0
    terms = Terms(max_model_len=context, kv_cache_bytes=0, cores=(1,))
    on_cards = [on_card(weight, terms, kind=kind, pack=card_of(kind).pack) for kind in kinds]
    on_processor = [layout for layout in on_cores(weight, terms, CPU_PACK) if layout.main_memory_bytes <= memory_bytes]
    return [*filter(None, on_cards), *on_processor]


def verdict_of(verdict: Verdict) -> BoxVerdict:
    if verdict.answer is Answer.NEVER:
        why = refusal(verdict.missing) if verdict.missing else ""
        return BoxVerdict(verdict.demand, fits=False, why_not=why)
    assignment = verdict.assignments[0]
    layout, part = assignment.layout, assignment.parts[0]
    cards = f"cards {', '.join(str(index) for index in part.cards)}" if part.cards else "the processor"
    unverified = load_pack(layout.pack).evidence == "unverified" if layout.pack in pack_names() else True
    return BoxVerdict(verdict.demand, fits=True, pack=layout.pack, where=cards, unverified=unverified)


def node_of(inventory: Inventory) -> NodeView:
    """The box with nothing on it; cards that failed are left to the planner to refuse."""
    memory, processor = inventory.memory, inventory.processor
    numa = [NumaView(node.index, node.cores) for node in processor.numa_nodes if node.cores]
    cards = tuple(card_view(card) for card in inventory.accelerators if card.family != CPU)
    return NodeView(
        node_id=inventory.hostname,
        hostname=inventory.hostname,
        cards=cards,
        card_groups=inventory.card_groups,
        host_memory_bytes=memory.limit_bytes or memory.total_bytes,
        numa_nodes=tuple(numa) or (NumaView(0, tuple(range(processor.cores))),),
        packs=frozenset({*pack_names(), *(pack_for(card.family) for card in cards), *(c.pack for c in known(cards))}),
    )


def card_view(card: Accelerator) -> CardView:
    return CardView(
        index=card.index,
        key=card.uuid or card.bus_id or f"{card.family}-{card.index}",
        family=card.family,
        product=card.name,
        memory_bytes=card.memory_bytes,
        health=card.health.state,
        numa_node=card.numa_node,
        links={link.peer_index: link.kind for link in card.links},
    )


def known(cards: Iterable[CardView]) -> Iterator[Card]:
    for card in cards:
        with suppress(NotFound):
            yield find_card(card.product)


def nearest(weight: Weight, kinds: list[CardKind], *, memory_bytes: int) -> str:
    """How much is missing on the kind of card that comes nearest, with as many as work together."""
    model = weight.model
    if model is None:
        return f"No card here has room for its {weight.size_bytes / GIB:,.1f} GiB; by its size alone."
    cards = [*(card_of(kind) for kind in kinds), this_machine(memory_bytes)]
    reports = [
        answer(subject, usual_ask(model)).report for card in cards if (subject := subject_of(model, card)) is not None
    ]
    if not reports:
        return "Fit knows no engine for the cards of this box."
    best = min(reports, key=lambda report: report.missing_bytes * report.layout.cards)
    return f"{best.missing_bytes / GIB:,.1f} GiB missing on each of {best.layout} of {best.subject.card.name}."
