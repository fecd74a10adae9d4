"""In which ways each entry of the catalogue could run on what is here, and which of them finds a place.

The ways depend on the entry, the cards, the installed packs and the nodes' sizes (`Ground`), not on what runs: so they
are reckoned once for an entry and kept until the ground changes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from appliance.base.errors import BadRequest
from appliance.placement.choice import Ground, Wish, able_packs, no_pack, obstacle, ways_here
from appliance.placement.demands import Demand
from appliance.placement.layouts import CPU, Layout
from appliance.placement.ways import Terms, Weight
from appliance.placement.what_fits import Answer, Judge, Verdict
from model_catalog.fit.entry import count_of_variant, shape_of_entry, weights_of_variant
from model_catalog.fit.known_models import KnownModel
from model_catalog.fit.shape import ModelShape
from model_catalog.schema import CatalogueEntry, Variant
from model_catalog.weight_form import WeightForm

UNKNOWN_CONTEXT_TOKENS = 2048
"""Where neither the catalogue nor config.json says how long a prompt may be."""


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


@dataclass(frozen=True)
class Verdicts:
    """The planner's, each asked for once, and only where it is needed."""

    judge: Judge
    found: dict[Question, Verdict] = field(default_factory=dict[Question, Verdict])

    def of(self, question: Question) -> Verdict:
        if question not in self.found:
            demand = Demand("", question.layouts, num_attention_heads=question.attention_heads)
            self.found[question] = self.judge.verdict(demand)
        return self.found[question]


def offer_of(entry: CatalogueEntry, ground: Ground, *, kv_cache_bytes: int) -> Offer:
    shape = known_shape(entry)
    terms = terms_of(entry, ground, kv_cache_bytes=kv_cache_bytes)
    found = [(variant, layouts_of(entry, variant, shape, ground, terms=terms)) for variant in entry.variants]
    forms = tuple(
        Form(variant.name, question(those, shape.attention_heads if shape else None))
        for on_processor in (False, True)
        for variant, all_of_it in found
        if (those := tuple(layout for layout in all_of_it if (layout.family == CPU) is on_processor))
    )
    return Offer(forms) if forms else Offer(obstacle=obstacle_of(entry, shape, ground, terms=terms))


def place_of(offer: Offer, verdicts: Verdicts) -> tuple[Form, Verdict]:
    """The first form that fits now, else the first that would if nothing ran, else the last and what it lacks."""
    for wanted in (Answer.NOW, Answer.IF_EMPTY):
        for form in offer.forms:
            if (verdict := verdicts.of(form.question)).answer is wanted:
                return form, verdict
    last = last_on_cards(offer.forms)
    return last, verdicts.of(last.question)


def last_on_cards(forms: Sequence[Form]) -> Form:
    """The smallest form comes last, as a rule, and cards say more of what is missing than main memory does."""
    return next((form for form in reversed(forms) if form.question.layouts[0].family != CPU), forms[-1])


@lru_cache(maxsize=65536)
def question(layouts: tuple[Layout, ...], attention_heads: int | None) -> Question:
    return Question(layouts, attention_heads)


def known_shape(entry: CatalogueEntry) -> ModelShape | None:
    """None where the entry lacks a figure; then the size of its weights has to do."""
    try:
        return shape_of_entry(entry)
    except BadRequest:
        return None


def layouts_of(
    entry: CatalogueEntry, variant: Variant, shape: ModelShape | None, ground: Ground, *, terms: Terms
) -> tuple[Layout, ...]:
    """Without the length of texts, which does not matter for where it goes."""
    weight = weight_of(entry, variant, shape)
    if weight is None:
        return ()
    found = ways_here(wish_of(entry, variant, weight), terms, ground)
    return tuple(replace(way, max_model_len=0) for way in found)


def wish_of(entry: CatalogueEntry, variant: Variant, weight: Weight) -> Wish:
    return Wish(
        weight=weight,
        form=WeightForm(
            format=variant.format,
            architecture=architecture_of(entry),
            quantization=variant.quantization.value if variant.quantization else None,
            engine=variant.engine,
        ),
        task=entry.task.value,
        families=variant.accelerators,
        preferred=entry.engine.pack,
    )


def architecture_of(entry: CatalogueEntry) -> str | None:
    if entry.architecture is not None:
        return entry.architecture.name
    named = entry.config.values.get("architectures") if entry.config is not None else None
    return named[0] if isinstance(named, list) and named and isinstance(named[0], str) else None


def weight_of(entry: CatalogueEntry, variant: Variant, shape: ModelShape | None) -> Weight | None:
    """None where nobody says the form's size, and it cannot be counted either."""
    weights = (weights_of_variant(entry, shape, variant) or count_of_variant(shape, variant)) if shape else None
    if shape is None or weights is None:
        figure = variant.weight_bytes
        return Weight(entry.name, int(figure.value)) if figure is not None else None
    size = weights.size_bytes
    return Weight(entry.name, size, KnownModel(entry.name, shape, {variant.name: weights}, "catalogue entry"))


def terms_of(entry: CatalogueEntry, ground: Ground, *, kv_cache_bytes: int) -> Terms:
    longest = int(entry.context.value) if entry.context is not None else UNKNOWN_CONTEXT_TOKENS
    return Terms(
        max_model_len=entry.engine.max_model_len or longest,
        kv_cache_bytes=kv_cache_bytes,
        cores=cores_for(entry.task.value, ground),
    )


def cores_for(task: str, ground: Ground) -> tuple[int, ...]:
    """A chat engine on the processor gets a NUMA node's cores to itself while there are any left, others share."""
    return (ground.cores, 0) if task == "chat" and ground.cores else (0,)


def obstacle_of(entry: CatalogueEntry, shape: ModelShape | None, ground: Ground, *, terms: Terms) -> str:
    """Of the smallest form that an installed pack could run."""
    unsized = Weight(entry.name, 0)
    served = [variant for variant in entry.variants if able_packs(wish_of(entry, variant, unsized), ground)]
    if not served:
        return no_pack(wish_of(entry, entry.default_variant, unsized), ground)
    weighed = [(weight, variant) for variant in served if (weight := weight_of(entry, variant, shape)) is not None]
    if not weighed:
        return "Nobody says how large its weights are; import its files, and they are measured."
    weight, smallest = min(weighed, key=lambda each: each[0].size_bytes)
    return obstacle(wish_of(entry, smallest, weight), terms, ground)
