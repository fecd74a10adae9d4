"""In which ways each entry of the catalogue could run on the kinds of card that are there: fit's sums.

They depend on the entry, the cards, the installed packs and the nodes' sizes (`Ground`), not on what runs: so they are
reckoned once for an entry and kept until the ground changes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from appliance.base.errors import BadRequest
from appliance.engines.pack import EnginePack, load_pack
from appliance.placement.layouts import CPU, Layout
from appliance.placement.nodes import NodeView
from appliance.placement.reasons import gib
from appliance.placement.ways import CardKind, Terms, Weight, card_of, processor_bytes, subject_of, ways
from control_plane.placements.wanted import Stock
from control_plane.versions.domain import UNKNOWN_CONTEXT_TOKENS
from model_catalog.fit.entry import count_of_variant, shape_of_entry, weights_of_variant
from model_catalog.fit.estimate import Ask, FitReport, estimate
from model_catalog.fit.known_models import KnownModel
from model_catalog.fit.layout import layouts
from model_catalog.fit.shape import ModelShape
from model_catalog.schema import CatalogueEntry, Variant


@dataclass(frozen=True)
class Ground:
    """Of all nodes together: `memory_bytes` and `cores` of the node, and of the NUMA node, that has most."""

    kinds: tuple[CardKind, ...]
    packs: frozenset[str]
    memory_bytes: int
    cores: int
    kv_cache_bytes: int


@dataclass(frozen=True, eq=False)
class Question:
    """What the planner is asked: one object for all forms that ask the same (`question`)."""

    layouts: tuple[Layout, ...]
    attention_heads: int | None


@dataclass(frozen=True)
class Form:
    """A variant and what it asks, on cards or on the processor."""

    variant: str
    question: Question


@dataclass(frozen=True)
class Offer:
    """`forms` in the entry's order, on cards before on the processor; `obstacle` is what is in the way without any."""

    forms: tuple[Form, ...] = ()
    obstacle: str = ""


def ground_of(nodes: Sequence[NodeView], *, kv_cache_bytes: int) -> Ground:
    stock = Stock(nodes)
    return Ground(
        kinds=tuple(stock.kinds),
        packs=stock.packs,
        memory_bytes=max((node.host_memory_bytes for node in nodes), default=0),
        cores=stock.most_cores,
        kv_cache_bytes=kv_cache_bytes,
    )


def offer_of(entry: CatalogueEntry, ground: Ground) -> Offer:
    shape = known_shape(entry)
    found = [(variant, layouts_of(entry, variant, shape, ground)) for variant in entry.variants]
    forms = tuple(
        Form(variant.name, question(those, shape.attention_heads if shape else None))
        for on_processor in (False, True)
        for variant, all_of_it in found
        if (those := tuple(layout for layout in all_of_it if (layout.family == CPU) is on_processor))
    )
    return Offer(forms) if forms else Offer(obstacle=obstacle_of(entry, shape, ground))


@lru_cache(maxsize=65536)
def question(layouts: tuple[Layout, ...], attention_heads: int | None) -> Question:
    return Question(layouts, attention_heads)


def known_shape(entry: CatalogueEntry) -> ModelShape | None:
    """None where the entry lacks a figure; then the size of its weights has to do."""
    try:
        return shape_of_entry(entry)
    except BadRequest:
        return None


def layouts_of(entry: CatalogueEntry, variant: Variant, shape: ModelShape | None, ground: Ground) -> tuple[Layout, ...]:
    """On the processor every model has a way; those that are larger than any node are left out."""
    packs, weight = packs_for(entry, variant, ground), weight_of(entry, variant, shape)
    if weight is None:
        return ()
    found = ways(weight, terms_of(entry, ground), kinds=kinds_for(variant, ground), packs=packs)
    made_for = (way for way in found if not variant.accelerators or way.family in variant.accelerators)
    fitting = (way for way in made_for if way.family != CPU or way.main_memory_bytes <= ground.memory_bytes)
    return tuple(for_planning(way, ground) for way in fitting)


def for_planning(way: Layout, ground: Ground) -> Layout:
    """What does not matter for where it goes is left out, and main memory rounded up, so that many ask the same.

    By less than a 64th, and never beyond the largest node: less than the sum itself may be wrong by.
    """
    if way.family != CPU:
        return replace(way, max_model_len=0)
    step = 1 << max(way.bytes_per_card.bit_length() - 7, 0)
    rounded = min(-(-way.bytes_per_card // step) * step, ground.memory_bytes)
    return replace(way, max_model_len=0, bytes_per_card=rounded)


def weight_of(entry: CatalogueEntry, variant: Variant, shape: ModelShape | None) -> Weight | None:
    """None where nobody says the form's size, and it cannot be counted either."""
    weights = (weights_of_variant(entry, shape, variant) or count_of_variant(shape, variant)) if shape else None
    if shape is None or weights is None:
        figure = variant.weight_bytes
        return Weight(entry.name, int(figure.value)) if figure is not None else None
    size = weights.size_bytes
    return Weight(entry.name, size, KnownModel(entry.name, shape, {variant.name: weights}, "catalogue entry"))


def terms_of(entry: CatalogueEntry, ground: Ground) -> Terms:
    """Cores as `wanted.cores_of` has them."""
    cores = (ground.cores, 0) if entry.task == "chat" and ground.cores else (0,)
    longest = int(entry.context.value) if entry.context is not None else UNKNOWN_CONTEXT_TOKENS
    return Terms(max_model_len=entry.engine.max_model_len or longest, kv_cache_bytes=ground.kv_cache_bytes, cores=cores)


def packs_for(entry: CatalogueEntry, variant: Variant, ground: Ground) -> list[str]:
    packs = (load_pack(name) for name in sorted(ground.packs))
    return [pack.name for pack in packs if can_serve(pack, entry, variant)]


def can_serve(pack: EnginePack, entry: CatalogueEntry, variant: Variant) -> bool:
    if variant.engine is not None and variant.engine.casefold() != pack.engine.casefold():
        return False
    known = variant.quantization is None or variant.quantization.value in pack.quantizations
    return known and entry.task in pack.tasks and variant.format in pack.weight_formats


def kinds_for(variant: Variant, ground: Ground) -> tuple[CardKind, ...]:
    """The cards that the form was made for."""
    return tuple(kind for kind in ground.kinds if not variant.accelerators or kind.family in variant.accelerators)


def obstacle_of(entry: CatalogueEntry, shape: ModelShape | None, ground: Ground) -> str:
    """Of the smallest form that an installed pack could run: what it lacks where it comes nearest."""
    served = [variant for variant in entry.variants if packs_for(entry, variant, ground)]
    if not served:
        formats = " or ".join(sorted({variant.format for variant in entry.variants}))
        none = f"No engine pack that is installed here serves {entry.task} models from {formats} files."
        return none + bound_text(entry)
    weighed = [(weight, variant) for variant in served if (weight := weight_of(entry, variant, shape)) is not None]
    if not weighed:
        return "Nobody says how large its weights are; import its files, and they are measured."
    weight, smallest = min(weighed, key=lambda each: each[0].size_bytes)
    packs, terms = packs_for(entry, smallest, ground), terms_of(entry, ground)
    reports = list(reports_on_cards(weight, terms, ground, packs))
    if reports:
        nearest = min(reports, key=lambda report: report.missing_bytes * report.layout.cards)
        return f"{gib(nearest.missing_bytes)} missing on each of {nearest.layout} of {nearest.subject.card.name}."
    on_processor = [processor_bytes(weight, terms, pack) for pack in packs if CPU in load_pack(pack).accelerators]
    if on_processor:
        return f"It needs {gib(min(on_processor))} of main memory; the largest node has {gib(ground.memory_bytes)}."
    return f"Its {gib(weight.size_bytes)} of weights do not fit on any card here that its engine packs are for."


def bound_text(entry: CatalogueEntry) -> str:
    """Which forms only one engine runs: no card is lacking for them, a pack is."""
    bound = [variant for variant in entry.variants if variant.engine is not None]
    engines = sorted({variant.engine for variant in bound if variant.engine is not None})
    return f" {' and '.join(engines)} alone runs {', '.join(variant.name for variant in bound)}." if bound else ""


def reports_on_cards(weight: Weight, terms: Terms, ground: Ground, packs: Sequence[str]) -> Iterator[FitReport]:
    for pack in packs:
        for kind in ground.kinds:
            if weight.model is None or kind.family not in load_pack(pack).accelerators:
                continue
            if (subject := subject_of(weight.model, card_of(kind, pack=pack))) is not None:
                ask = Ask(context=min(terms.max_model_len, subject.shape.context))
                yield from (estimate(subject, ask, split) for split in layouts(subject.shape, subject.card))
