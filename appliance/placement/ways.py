"""In which ways a model can run on what a fleet has: fit's sum for each engine pack and kind of card, as layouts.

A model whose config.json fit was not taught is reckoned by the size of its files alone, as GPUStack 2.3 does
(weights x 1.2 + 2 GiB): too coarse to promise a context, close enough to find it a place.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from appliance.base.errors import BadRequest, NotFound
from appliance.engines.pack import EnginePack, load_pack, pack_names
from appliance.placement.layouts import CPU, TRUST, Layout
from appliance.placement.nodes import NodeView
from model_catalog.fit.cards import Card, find_card, this_machine
from model_catalog.fit.estimate import Ask, FitReport, Subject, estimate
from model_catalog.fit.known_models import KnownModel
from model_catalog.fit.kv_cache import plain_bytes
from model_catalog.fit.layout import Layout as Split
from model_catalog.fit.layout import layouts
from model_catalog.fit.overheads import find_overheads
from model_catalog.fit.paging import pool_bytes, pool_of
from model_catalog.fit.validated import row_for
from model_catalog.schema import Evidence, Figure

GIB = 1024**3
GROUP_SIZES = (1, 2, 4, 8, 16)
COARSE_FACTOR = 1.2
COARSE_EXTRA_BYTES = 2 * GIB
"""GPUStack 2.3's estimate, for models that fit cannot read."""

ENGINES = ("vllm", "sglang", "mindie", "llama.cpp")
"""Which is tried first where several could run a model on the same cards."""


@dataclass(frozen=True)
class CardKind:
    """Cards of one product. `memory_bytes`: of the smallest of them."""

    family: str
    product: str
    memory_bytes: int


@dataclass(frozen=True)
class Weight:
    """What is to be run. `model` is None where fit cannot read it; then `size_bytes` is all there is."""

    name: str
    size_bytes: int
    model: KnownModel | None = None

    @property
    def attention_heads(self) -> int | None:
        return self.model.shape.attention_heads if self.model else None


@dataclass(frozen=True)
class Terms:
    """How it is to be run. `kv_cache_bytes`: the KV cache of an engine on the processor, at least; `cores`: how many it
    is bound to there, 0 leaves it to the kernel.
    """

    max_model_len: int
    kv_cache_bytes: int
    cores: tuple[int, ...] = (0,)


def card_kinds(nodes: Iterable[NodeView]) -> list[CardKind]:
    """Of all cards on the nodes that are no parent of a slice."""
    found: dict[tuple[str, str], CardKind] = {}
    for node in nodes:
        parents = {card.partition_of for card in node.cards}
        for card in node.cards:
            if card.family == CPU or card.key in parents or not card.memory_bytes:
                continue
            seen = CardKind(card.family, card.product, card.memory_bytes)
            known = found.setdefault((card.family, card.product), seen)
            if seen.memory_bytes < known.memory_bytes:
                found[card.family, card.product] = seen
    return [found[key] for key in sorted(found)]


def ways(weight: Weight, terms: Terms, *, kinds: Iterable[CardKind], packs: Iterable[str]) -> tuple[Layout, ...]:
    """Every pack on every kind of card that it is for, best first; on the processor one for each number of cores."""
    chosen = sorted(set(packs), key=rank)
    on_cards = [
        layout
        for pack in chosen
        for kind in kinds
        if kind.family in load_pack(pack).accelerators and (layout := on_card(weight, terms, kind=kind, pack=pack))
    ]
    on_processor = (
        layout for pack in chosen if CPU in load_pack(pack).accelerators for layout in on_cores(weight, terms, pack)
    )
    return (*sorted(on_cards, key=lambda layout: (layout.cards, TRUST.index(layout.evidence))), *on_processor)


def rank(pack: str) -> tuple[int, str]:
    engine = load_pack(pack).engine
    return (ENGINES.index(engine) if engine in ENGINES else len(ENGINES), pack)


def on_card(weight: Weight, terms: Terms, *, kind: CardKind, pack: str) -> Layout | None:
    """The smallest layout on this kind of card, a published row's word before the sum's; None where none fits."""
    subject = subject_of(weight.model, card_of(kind, pack=pack)) if weight.model else None
    if weight.model is None or subject is None:
        return coarse_on_card(weight, terms, kind=kind, pack=pack)
    ask = Ask(context=min(terms.max_model_len, weight.model.shape.context))
    carried = load_pack(pack) if pack in pack_names() else None
    for split in layouts(subject.shape, subject.card):
        if carried and not can_split(carried, split):
            continue
        report = estimate(subject, ask, split)
        row = row_for(report)
        if row.fits if row else report.fits:
            return Layout(
                pack=pack,
                family=kind.family,
                product=kind.product,
                bytes_per_card=report.claim_bytes,
                tensor_parallel_size=split.tensor,
                pipeline_parallel_size=split.pipeline,
                max_model_len=terms.max_model_len,
                evidence=row.evidence if row else "computed",
            )
    return None


def can_split(pack: EnginePack, split: Split) -> bool:
    """Whether the pack's command line can say so."""
    said = " ".join(pack.launch.parallel_argv)
    tensor, pipeline = "{tensor_parallel_size}" in said, "{pipeline_parallel_size}" in said
    return (split.tensor == 1 or tensor) and (split.pipeline == 1 or pipeline)


def coarse_on_card(weight: Weight, terms: Terms, *, kind: CardKind, pack: str) -> Layout | None:
    """One card or none: how such a model divides among several is not known."""
    needed = int(weight.size_bytes * COARSE_FACTOR) + COARSE_EXTRA_BYTES
    if needed > kind.memory_bytes:
        return None
    return Layout(
        pack=pack,
        family=kind.family,
        product=kind.product,
        bytes_per_card=kind.memory_bytes,
        max_model_len=terms.max_model_len,
    )


def on_cores(weight: Weight, terms: Terms, pack: str) -> Iterator[Layout]:
    needed = processor_bytes(weight, terms, pack)
    for cores in terms.cores:
        yield Layout(pack=pack, family=CPU, bytes_per_card=needed, cores=cores, max_model_len=terms.max_model_len)


def processor_bytes(weight: Weight, terms: Terms, pack: str) -> int:
    """Main memory of one engine: weights, KV cache, activations and processes."""
    if weight.model is None or (report := report_on_processor(weight.model, terms, pack)) is None:
        return int(weight.size_bytes * COARSE_FACTOR) + COARSE_EXTRA_BYTES + terms.kv_cache_bytes
    beside = sum(item.size_bytes for item in report.items if item.label != "KV cache")
    return beside + cache_bytes(weight, terms, pack)


def cache_bytes(weight: Weight, terms: Terms, pack: str) -> int:
    """KV cache that an engine on the processor is given: what the settings say, or more where one text needs more."""
    if weight.model is None:
        return terms.kv_cache_bytes
    if not weight.model.shape.generates:
        return 0
    return max(terms.kv_cache_bytes, one_text_bytes(weight.model, terms, pack))


def one_text_bytes(model: KnownModel, terms: Terms, pack: str) -> int:
    """What one text of the full length takes."""
    shape, overheads = model.shape, find_overheads(pack)
    tokens, rules = min(terms.max_model_len, shape.context), overheads.rules()
    if overheads.paging == "plain":
        return plain_bytes(shape, tokens, rules, sequences=1)
    return pool_bytes(pool_of(shape.layers, rules, model_bytes=shape.element_bytes), rules, tokens, sequences=1)


def report_on_processor(model: KnownModel, terms: Terms, pack: str) -> FitReport | None:
    subject = subject_of(model, this_machine(0).model_copy(update={"pack": pack}))
    if subject is None:
        return None
    return estimate(subject, Ask(context=min(terms.max_model_len, model.shape.context)), Split())


def subject_of(model: KnownModel, card: Card) -> Subject | None:
    """None where fit knows no overheads for the card's pack, or not which form of the weights is meant."""
    try:
        return Subject(model.name, model.shape, model.weights(None), card, find_overheads(card.pack))
    except (NotFound, BadRequest):
        return None


def card_of(kind: CardKind, *, pack: str | None = None) -> Card:
    """Fit's own row where it knows the product, always with the memory that discovery saw."""
    seen = Figure(value=kind.memory_bytes, evidence=Evidence.MEASURED, source="discovery")
    try:
        known = find_card(kind.product)
        return known.model_copy(update={"memory_bytes": seen, "pack": pack or known.pack})
    except NotFound:
        return Card(
            name=kind.product,
            vendor=kind.family,
            family=kind.family,
            pack=pack or pack_for(kind.family),
            memory_bytes=seen,
            nominal_bytes=kind.memory_bytes,
            sizes=GROUP_SIZES,
        )


def pack_for(family: str) -> str:
    """The first vLLM pack for this family; fit's own name for one where the appliance carries none yet."""
    carried = [name for name in pack_names() if family in load_pack(name).accelerators and name.startswith("vllm")]
    return carried[0] if carried else f"vllm-{family}"
