"""What could run on this box: discovery's cards, fit's layouts for them, and the planner's answer for each model."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from appliance.engines.pack import load_pack, pack_names
from appliance.hardware.inventory import Accelerator, Inventory
from appliance.placement.choice import ground_of
from appliance.placement.layouts import CPU
from appliance.placement.nodes import CardView, NodeView, NumaView
from appliance.placement.offers import Form, Verdicts, offer_of, place_of
from appliance.placement.sentences import one_line
from appliance.placement.what_fits import Answer, Judge, Verdict
from model_catalog.schema import CatalogueEntry


@dataclass(frozen=True)
class BoxVerdict:
    """A model on this box. `form` is the variant and `where` its cards, if it fits; `why_not` what is missing else."""

    model: str
    fits: bool
    form: str = ""
    pack: str = ""
    where: str = ""
    unverified: bool = False
    why_not: str = ""

    def document(self) -> dict[str, Any]:
        return vars(self)


def verdicts(inventory: Inventory, entries: Iterable[CatalogueEntry]) -> Iterator[BoxVerdict]:
    """Each alone on this box as if nothing else ran, by any pack that the appliance has, whether or not installed."""
    node = node_of(inventory)
    ground, judged = ground_of([node]), Verdicts(Judge([node], ()))
    for entry in entries:
        offer = offer_of(entry, ground, kv_cache_bytes=0)
        if offer.forms:
            yield verdict_of(entry, *place_of(offer, judged))
        else:
            yield BoxVerdict(entry.name, fits=False, why_not=offer.obstacle)


def verdict_of(entry: CatalogueEntry, form: Form, verdict: Verdict) -> BoxVerdict:
    if verdict.answer is Answer.NEVER:
        why = one_line(verdict.missing) if verdict.missing else ""
        return BoxVerdict(entry.name, fits=False, why_not=why)
    assignment = verdict.assignments[0]
    layout, part = assignment.layout, assignment.parts[0]
    cards = f"cards {', '.join(str(index) for index in part.cards)}" if part.cards else "the processor"
    unverified = load_pack(layout.pack).evidence == "unverified"
    return BoxVerdict(entry.name, fits=True, form=form.variant, pack=layout.pack, where=cards, unverified=unverified)


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
        packs=frozenset(pack_names()),
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
