"""The sum, line by line, of what one card must hold, and what follows from it: how few cards, how long, how many.

Per card: weights x factor + KV cache + activations + process, against the share of the card that the engine claims.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from model_catalog.fit.cards import Card
from model_catalog.fit.kv_cache import CacheRules, growth_per_token, plain_bytes
from model_catalog.fit.layout import Layout, Stage, layouts, stages
from model_catalog.fit.overheads import Overheads
from model_catalog.fit.paging import pool_bytes, pool_of
from model_catalog.fit.shape import ModelShape
from model_catalog.fit.weights import Weights

MOST_SEQUENCES = 4096
KIB = 1024


@dataclass(frozen=True)
class Ask:
    """`cache_element_bytes` 1 asks for an fp8 cache. `utilization` overrides the engine pack's claim. `nodes`: how many
    the layout may spread over.
    """

    context: int
    concurrency: int = 1
    cache_element_bytes: int = 0
    utilization: float | None = None
    nodes: int = 1


@dataclass(frozen=True)
class Subject:
    """One model in one form, on one kind of card, under one engine pack."""

    name: str
    shape: ModelShape
    weights: Weights
    card: Card
    overheads: Overheads


@dataclass(frozen=True)
class LineItem:
    label: str
    size_bytes: int
    formula: str
    source: str


@dataclass(frozen=True)
class FitReport:
    """For the fullest card of the layout. `missing_bytes` is 0 where it fits. `change`: the nearest that would fit."""

    subject: Subject
    ask: Ask
    layout: Layout
    items: tuple[LineItem, ...]
    claim_bytes: int
    notes: tuple[str, ...] = ()
    change: str | None = None

    @property
    def needed_bytes(self) -> int:
        return sum(item.size_bytes for item in self.items)

    @property
    def missing_bytes(self) -> int:
        return max(0, self.needed_bytes - self.claim_bytes)

    @property
    def fits(self) -> bool:
        return self.missing_bytes == 0


def estimate(subject: Subject, ask: Ask, layout: Layout) -> FitReport:
    """The sum of the fullest card. `change` is filled in by `with_change`, which tries other asks."""
    share = subject.overheads.utilization.value if ask.utilization is None else ask.utilization
    claim = int(subject.card.memory_bytes.value * share)
    sums = [items_of(subject, ask, layout, stage) for stage in stages(subject.shape, layout.pipeline)]
    fullest = max(sums, key=lambda items: sum(item.size_bytes for item in items))
    return FitReport(subject, ask, layout, fullest, claim, notes=notes_on(subject, ask, layout))


def items_of(subject: Subject, ask: Ask, layout: Layout, stage: Stage) -> tuple[LineItem, ...]:
    over = subject.overheads
    held, held_text = weights_on(subject, layout, stage)
    extra = int(held * (over.weight_factor.value - 1))
    cache, cache_text = cache_on(subject, ask, layout, stage)
    return (
        LineItem("weights", held, held_text, subject.weights.source),
        LineItem(
            "loaded weights' extra",
            extra,
            f"x {over.weight_factor.value - 1:.2f}",
            said(over.weight_factor.source, over),
        ),
        LineItem("KV cache", cache, cache_text, cache_source(subject, over)),
        LineItem("activations", int(over.activation_bytes.value), "per card", said(over.activation_bytes.source, over)),
        LineItem("process", int(over.process_bytes.value), "per card", said(over.process_bytes.source, over)),
    )


def said(source: str, over: Overheads) -> str:
    return f"{over.pack}: {source}"


def cache_source(subject: Subject, over: Overheads) -> str:
    return f"{subject.shape.architecture} in config.json; {over.paging} paging"


def weights_on(subject: Subject, layout: Layout, stage: Stage) -> tuple[int, str]:
    part = len(stage.layers) / len(subject.shape.layers)
    held = subject.weights.on_card(tensor=layout.tensor, stage=part, first=stage.first, last=stage.last)
    text = f"{subject.weights.size_bytes / 1024**3:.2f} GiB / {layout.cards}"
    copied = subject.weights.copied(layout.tensor)
    return held, f"{text}, of it copied {copied / 1024**2:.0f} MiB" if copied > 0 else text


def cache_on(subject: Subject, ask: Ask, layout: Layout, stage: Stage) -> tuple[int, str]:
    shape, rules = subject.shape, rules_of(subject, ask)
    if not shape.generates:
        return 0, "an encoder keeps nothing"
    growth = growth_per_token(shape, rules, tensor=layout.tensor)
    text = (
        f"{ask.concurrency} x {ask.context:,} tokens, {growth / KIB:.1f} KiB per token and card when windows are full"
    )
    if subject.overheads.paging == "plain":
        part = replace(shape, layers=stage.layers)
        return plain_bytes(part, ask.context, rules, sequences=ask.concurrency, tensor=layout.tensor), text
    pool = pool_of(stage.layers, rules, model_bytes=shape.element_bytes, tensor=layout.tensor)
    return pool_bytes(pool, rules, ask.context, sequences=ask.concurrency), text


def rules_of(subject: Subject, ask: Ask) -> CacheRules:
    return subject.overheads.rules(element_bytes=ask.cache_element_bytes)


def notes_on(subject: Subject, ask: Ask, layout: Layout) -> tuple[str, ...]:
    found = list(subject.shape.notes)
    if subject.weights.engine is not None:
        found.append(f"Only {subject.weights.engine} runs this form ({subject.weights.name}).")
    if ask.context > subject.shape.context:
        found.append(f"The model was made for {subject.shape.context:,} tokens.")
    allowed = subject.card.groups.get(layout.cards)
    if allowed:
        sets = " or ".join("{" + ", ".join(str(index) for index in group) + "}" for group in allowed)
        found.append(f"{layout.cards} cards of this kind must be {sets}.")
    return tuple(found)


def smallest_layout(subject: Subject, ask: Ask) -> Layout | None:
    """The fewest cards that work, and for that many the widest tensor parallelism; None where no layout does."""
    found = layouts(subject.shape, subject.card, nodes=ask.nodes)
    return next((layout for layout in found if estimate(subject, ask, layout).fits), None)


def longest_context(subject: Subject, ask: Ask, layout: Layout) -> int:
    """The most tokens per sequence, at most what the model was made for; 0 where not even one fits."""
    return largest(lambda n: estimate(subject, replace(ask, context=n), layout).fits, most=subject.shape.context)


def concurrency(subject: Subject, ask: Ask, layout: Layout) -> int:
    """How many sequences of the asked context fit at once; 0 where not even one does; `MOST_SEQUENCES` is the end."""
    return largest(lambda n: estimate(subject, replace(ask, concurrency=n), layout).fits, most=MOST_SEQUENCES)


def largest(works: Callable[[int], bool], *, most: int) -> int:
    """The largest number up to `most` that works, when all below it work too."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if works(middle):
            low = middle
        else:
            high = middle - 1
    return low


def with_change(report: FitReport) -> FitReport:
    """The same with the nearest change that would make it fit, in the order in which it costs its user least."""
    if report.fits:
        return report
    return replace(report, change=nearest_change(report.subject, report.ask, report.layout))


def nearest_change(subject: Subject, ask: Ask, layout: Layout) -> str | None:
    fp8 = replace(ask, cache_element_bytes=1)
    if ask.cache_element_bytes != 1 and estimate(subject, fp8, layout).fits:
        return "an fp8 KV cache"
    fewer = concurrency(subject, ask, layout)
    if fewer:
        return f"{fewer} sequences at once instead of {ask.concurrency}"
    shorter = longest_context(subject, replace(ask, concurrency=1), layout)
    if shorter:
        return f"a context of {shorter:,} tokens for one sequence"
    more = smallest_layout(subject, replace(ask, nodes=max(ask.nodes, 4)))
    return str(more) if more is not None else None
