"""What could run on this box: discovery's cards, fit's layouts for them, and the planner's answer for each model."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from appliance.base.errors import BadRequest, NotFound
from appliance.engines.pack import load_pack, pack_names
from appliance.hardware.inventory import Accelerator, HealthState, Inventory
from appliance.placement import layouts as placed
from appliance.placement.demands import Demand
from appliance.placement.layouts import best_first
from appliance.placement.nodes import CardView, NodeView, NumaView
from appliance.placement.sentences import refusal
from appliance.placement.what_fits import Answer, Verdict, what_fits
from model_catalog.catalogue import load_catalogue
from model_catalog.fit.answer import answer, usual_ask
from model_catalog.fit.cards import Card, find_card, this_machine
from model_catalog.fit.estimate import Subject, estimate, smallest_layout
from model_catalog.fit.known_models import KnownModel, find_model, load_shapes
from model_catalog.fit.overheads import find_overheads
from model_catalog.schema import Evidence, Figure

CPU = "cpu"
GIB = 1024**3
GROUP_SIZES = (1, 2, 4, 8, 16)


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
    """Every model that the catalogue or fit knows, in their order, alone on this box as if nothing else ran."""
    node, kinds = node_of(inventory), kinds_of(inventory)
    demands: list[Demand] = []
    for name in (*load_catalogue(), *load_shapes()):
        model = find_model(name)
        ways = tuple(layout for card, product in kinds if (layout := layout_of(model, card, product)))
        if ways:
            demands.append(Demand(name, best_first(ways), num_attention_heads=model.shape.attention_heads))
        else:
            yield BoxVerdict(name, fits=False, why_not=nearest(model, kinds))
    yield from (verdict_of(verdict) for verdict in what_fits([node], demands=demands))


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
    return NodeView(
        node_id=inventory.hostname,
        hostname=inventory.hostname,
        cards=tuple(card_view(card) for card in inventory.accelerators if card.family != CPU),
        card_groups=inventory.card_groups,
        host_memory_bytes=memory.limit_bytes or memory.total_bytes,
        numa_nodes=tuple(numa) or (NumaView(0, tuple(range(processor.cores))),),
        packs=frozenset({*pack_names(), *(card.pack for card, _ in kinds_of(inventory))}),
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


def kinds_of(inventory: Inventory) -> list[tuple[Card, str | None]]:
    """Each kind of card that is not failed, with its memory as discovered, and the processor last."""
    kinds: dict[tuple[str, str], Accelerator] = {}
    for card in inventory.accelerators:
        if card.family != CPU and card.memory_bytes and card.health.state is not HealthState.FAILED:
            known = kinds.setdefault((card.family, card.name), card)
            if card.memory_bytes < known.memory_bytes:
                kinds[(card.family, card.name)] = card
    found: list[tuple[Card, str | None]] = [(kind_of(card), card.name) for card in kinds.values()]
    memory = inventory.memory
    return [*found, (this_machine(memory.limit_bytes or memory.total_bytes), None)]


def kind_of(card: Accelerator) -> Card:
    """Fit's own row where it knows the product, always with the memory that discovery saw."""
    seen = Figure(value=card.memory_bytes, evidence=Evidence.MEASURED, source="discovery on this box")
    try:
        return find_card(card.name).model_copy(update={"memory_bytes": seen})
    except NotFound:
        return Card(
            name=card.name,
            vendor=card.vendor,
            family=card.family,
            pack=pack_for(card.family),
            memory_bytes=seen,
            nominal_bytes=card.memory_bytes,
            sizes=GROUP_SIZES,
        )


def pack_for(family: str) -> str:
    """The first pack for this family; fit's own name for one where the appliance carries none yet."""
    carried = [name for name in pack_names() if family in load_pack(name).accelerators and name.startswith("vllm")]
    return carried[0] if carried else f"vllm-{family}"


def nearest(model: KnownModel, kinds: list[tuple[Card, str | None]]) -> str:
    """How much is missing on the kind of card that comes nearest, with as many as work together."""
    reports = [
        answer(subject, usual_ask(model)).report
        for card, _ in kinds
        if (subject := subject_of(model, card)) is not None
    ]
    if not reports:
        return "Fit knows no engine for the cards of this box."
    best = min(reports, key=lambda report: report.missing_bytes * report.layout.cards)
    return f"{best.missing_bytes / GIB:,.1f} GiB missing on each of {best.layout} of {best.subject.card.name}."


def subject_of(model: KnownModel, card: Card) -> Subject | None:
    """None where fit knows no overheads for the card's pack, or not which form of the weights is meant."""
    try:
        return Subject(model.name, model.shape, model.weights(None), card, find_overheads(card.pack))
    except (NotFound, BadRequest):
        return None


def layout_of(model: KnownModel, card: Card, product: str | None) -> placed.Layout | None:
    """The smallest layout on this kind of card, if there is one."""
    subject, ask = subject_of(model, card), usual_ask(model)
    smallest = smallest_layout(subject, ask) if subject else None
    if subject is None or smallest is None:
        return None
    report = estimate(subject, ask, smallest)
    on_processor = card.family == CPU
    return placed.Layout(
        pack=card.pack,
        family=card.family,
        product=product,
        bytes_per_card=report.needed_bytes if on_processor else report.claim_bytes,
        tensor_parallel_size=smallest.tensor,
        pipeline_parallel_size=smallest.pipeline,
        cores=1 if on_processor else 0,
        max_model_len=ask.context,
    )
