"""Which engine packs run a model on what is here, and in which ways: one answer for `fits here` and for deploy.

The pack that an admin chose; else the catalogue's own for this model, where it can run here; else every installed pack
that can, in the order of `ways`, of which the planner takes the first that has room.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from appliance.engines.pack import EnginePack, load_pack, pack_names
from appliance.placement.layouts import CPU, Layout
from appliance.placement.nodes import NodeView
from appliance.placement.reasons import gib
from appliance.placement.ways import CardKind, Terms, Weight, card_kinds, card_of, processor_bytes, subject_of, ways
from model_catalog.fit.estimate import Ask, FitReport, estimate
from model_catalog.fit.layout import layouts
from model_catalog.weight_form import WeightForm


@dataclass(frozen=True)
class Ground:
    """Of all nodes together: `memory_bytes` of the node, and `cores` of the NUMA node, that has most.

    `packs`: those that are installed somewhere, and that this release knows.
    """

    kinds: tuple[CardKind, ...]
    packs: frozenset[str]
    memory_bytes: int
    cores: int


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What is to run. `families`: those that these weights were made for; none: any. `chosen`: an admin's word."""

    weight: Weight
    form: WeightForm
    task: str
    families: tuple[str, ...] = ()
    sealed: bool = False
    chosen: str | None = None
    preferred: str | None = None


def ground_of(nodes: Sequence[NodeView]) -> Ground:
    return Ground(
        kinds=tuple(card_kinds(nodes)),
        packs=frozenset(pack for packs in {node.packs for node in nodes} for pack in packs) & set(pack_names()),
        memory_bytes=max((node.host_memory_bytes for node in nodes), default=0),
        cores=max((len(numa.cores) for node in nodes for numa in node.numa_nodes), default=0),
    )


def ways_here(wish: Wish, terms: Terms, ground: Ground) -> tuple[Layout, ...]:
    """Best first; what is larger than any node is left out."""
    packs = able_packs(wish, ground)
    if wish.chosen is None and wish.preferred in packs:
        own = ways_with([wish.preferred], wish, terms, ground)
        if own:
            return own
    return ways_with(packs, wish, terms, ground)


def able_packs(wish: Wish, ground: Ground) -> list[str]:
    if wish.chosen is not None:
        known = [wish.chosen] if wish.chosen in pack_names() else []
        return [name for name in known if all(can(load_pack(name)) for _, can in basic_needs(wish))]
    return [name for name in sorted(ground.packs) if all(can(load_pack(name)) for _, can in needs(wish))]


def ways_with(packs: Iterable[str], wish: Wish, terms: Terms, ground: Ground) -> tuple[Layout, ...]:
    found = ways(wish.weight, terms, kinds=kinds_for(wish, ground), packs=packs)
    made_for = (way for way in found if not wish.families or way.family in wish.families)
    fitting = (way for way in made_for if way.family != CPU or way.main_memory_bytes <= ground.memory_bytes)
    return tuple(rounded_up(way, ground) for way in fitting)


def rounded_up(way: Layout, ground: Ground) -> Layout:
    """Main memory by less than a 64th, and never beyond the largest node, so that many models ask the same: that is
    less than the sum itself may be wrong by.
    """
    if way.family != CPU:
        return way
    step = 1 << max(way.bytes_per_card.bit_length() - 7, 0)
    return replace(way, bytes_per_card=min(-(-way.bytes_per_card // step) * step, ground.memory_bytes))


def kinds_for(wish: Wish, ground: Ground) -> tuple[CardKind, ...]:
    return tuple(kind for kind in ground.kinds if not wish.families or kind.family in wish.families)


Need = tuple[str, Callable[[EnginePack], bool]]
"""What a sentence says of it, and whether a pack meets it."""


def basic_needs(wish: Wish) -> tuple[Need, ...]:
    """Without these no engine starts, whatever an admin says."""
    form = wish.form
    what = f"{wish.task.replace('_', ' ')} models from {form.format} files"
    return (
        (what, lambda pack: wish.task in pack.tasks and form.format in pack.weight_formats),
        (f"that {form.engine} alone runs", lambda pack: form.engine in (None, pack.engine)),
        ("that are sealed", lambda pack: not wish.sealed or pack.launch.sealed is not None),
    )


def needs(wish: Wish) -> tuple[Need, ...]:
    form = wish.form
    return (
        *basic_needs(wish),
        (f"of the architecture {form.architecture}", lambda pack: knows_architecture(pack, form)),
        (
            f"in {form.quantization}",
            lambda pack: form.quantization is None or form.quantization in pack.quantizations,
        ),
    )


def knows_architecture(pack: EnginePack, form: WeightForm) -> bool:
    """An architecture that nobody told may be any."""
    only = pack.only_architectures.get(form.format)
    return only is None or form.architecture is None or form.architecture in only


def obstacle(wish: Wish, terms: Terms, ground: Ground) -> str:
    """Why there is no way at all: no pack, or what the model lacks where it comes nearest."""
    if wish.chosen is not None and wish.chosen not in ground.packs:
        return f"The engine pack {wish.chosen} is not installed on any node."
    packs = able_packs(wish, ground)
    if not packs:
        return no_pack(wish, ground)
    reports = list(reports_on_cards(wish, terms, ground, packs))
    if reports:
        nearest = min(reports, key=lambda report: report.missing_bytes * report.layout.cards)
        return f"{gib(nearest.missing_bytes)} missing on each of {nearest.layout} of {nearest.subject.card.name}."
    on_processor = [processor_bytes(wish.weight, terms, pack) for pack in packs if is_for_processor(pack, wish)]
    if on_processor:
        return f"It needs {gib(min(on_processor))} of main memory; the largest node has {gib(ground.memory_bytes)}."
    return f"Its {gib(wish.weight.size_bytes)} of weights do not fit on any card here that its engine packs are for."


def no_pack(wish: Wish, ground: Ground) -> str:
    """By the first need that no installed pack meets beside the ones before it."""
    left = [load_pack(name) for name in sorted(ground.packs)] if wish.chosen is None else [load_pack(wish.chosen)]
    nobody = "No engine pack that is installed here serves"
    who = nobody if wish.chosen is None else f"The engine pack {wish.chosen} does not serve"
    said: list[str] = []
    for words, can in needs(wish):
        met = [pack for pack in left if can(pack)]
        if not met or len(met) < len(left) or not said:
            said.append(words)
        if not met:
            break
        left = met
    return f"{who} {' '.join(said)}."


def is_for_processor(pack: str, wish: Wish) -> bool:
    return CPU in load_pack(pack).accelerators and (not wish.families or CPU in wish.families)


def reports_on_cards(wish: Wish, terms: Terms, ground: Ground, packs: Sequence[str]) -> Iterator[FitReport]:
    for pack in packs:
        for kind in kinds_for(wish, ground):
            if wish.weight.model is None or kind.family not in load_pack(pack).accelerators:
                continue
            if (subject := subject_of(wish.weight.model, card_of(kind, pack=pack))) is not None:
                ask = Ask(context=min(terms.max_model_len, subject.shape.context))
                yield from (estimate(subject, ask, split) for split in layouts(subject.shape, subject.card))
