"""Whether an entry fits here: in which form, on what, why not; and that what is kept never says otherwise than anew."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.base.errors import BadRequest
from appliance.base.ids import new_uuid
from appliance.engines.pack import pack_names
from appliance.placement.choice import able_packs, ground_of
from appliance.placement.nodes import CardView, Claim, NodeState, NodeView, NumaView
from appliance.placement.offers import known_shape, offer_of, terms_of, weight_of, wish_of
from appliance.placement.ways import Weight, processor_bytes
from control_plane.catalogue.repository import Mark
from control_plane.catalogue.schemas import FitsAnswer, FitsVerdict
from control_plane.catalogue.service import digest_of, document_of
from control_plane.catalogue.shelf import Listing, shown_of
from control_plane.catalogue.tables import Origin
from control_plane.placements.fits_here import FitsHere, Now
from model_catalog.admission import require_admissible
from model_catalog.catalogue import load_catalogue
from model_catalog.schema import Architecture, Figure
from tests.fixtures.catalogue_entries import entry, figure, raw_entry

GIB = 1024**3
CARDS = tuple(CardView(index, f"GPU-{index}", "cuda", "NVIDIA H100 80GB HBM3", 80 * GIB) for index in range(2))
BOX = NodeView(
    "node-1", "rack-1", cards=CARDS, host_memory_bytes=100 * GIB, numa_nodes=(NumaView(0, (0, 1, 2, 3)),),
    packs=frozenset({"vllm-cuda"}),
)  # fmt: skip
BOTH = replace(BOX, packs=frozenset({"vllm-cuda", "vllm-cpu"}))


ANY_PACK = {"max_model_len": 2048}


def variant(name: str, gib: float) -> dict[str, Any]:
    return raw_entry("a")["variants"][0] | {"name": name, "weight_bytes": figure(int(gib * GIB))}


def listing(*entries: tuple[str, list[dict[str, Any]]], **changes: Any) -> Listing:
    made = [entry(name, **{"variants": variants, "engine": ANY_PACK, **changes}) for name, variants in entries]
    marks = [Mark(new_uuid(), one.name, Origin.CUSTOM, digest_of(document_of(one))) for one in made]
    today = date(2026, 11, 23)
    shown = [shown_of(mark, one, overrides=False, today=today) for mark, one in zip(marks, made, strict=True)]
    return Listing(1, {one.name: one for one in shown})


def ask(now: Now, *forms: dict[str, Any], **changes: Any) -> FitsAnswer:
    return FitsHere(kv_cache_bytes=GIB // 2).of(listing(("a", list(forms)), **changes), now)["a"]


def held(*cards: CardView, memory: int = 0) -> list[Claim]:
    return [Claim("node-1", {card.key: card.memory_bytes for card in cards}, host_memory_bytes=memory)]


def test_on_the_fewest_cards_that_do() -> None:
    one = ask(Now([BOX], []), variant("bf16", 20))
    assert (one.verdict, one.variant, one.pack, one.cards, one.reason) == ("now", "bf16", "vllm-cuda", 1, None)
    assert ask(Now([BOX], []), variant("bf16", 100)).cards == 2


def test_the_first_form_that_fits_now_is_meant() -> None:
    forms = variant("bf16", 100), variant("fp8", 50)
    assert ask(Now([BOX], []), *forms).variant == "bf16"
    assert ask(Now([BOX], held(CARDS[0])), *forms).variant == "fp8"
    full = ask(Now([BOX], held(*CARDS)), *forms)
    assert (full.verdict, full.variant, full.cards) == (FitsVerdict.IF_EMPTY, "bf16", 2)
    assert full.reason is not None
    assert full.reason.startswith("Node rack-1: 0 of the 2 cards needed free")


def test_any_form_on_cards_goes_before_the_processor() -> None:
    forms = variant("bf16", 60), variant("int4", 20)
    assert ask(Now([BOTH], held(CARDS[0])), *forms).cards == 1
    small = replace(BOTH, cards=tuple(replace(card, memory_bytes=40 * GIB) for card in CARDS[:1]))
    assert (ask(Now([small], []), *forms).variant, ask(Now([small], []), *forms).cards) == ("int4", 1)
    beside = ask(Now([small], held(*small.cards)), *forms)
    assert (beside.verdict, beside.variant, beside.pack, beside.cards) == ("now", "bf16", "vllm-cpu", 0)


def test_why_not_is_said() -> None:
    assert ask(Now([], []), variant("bf16", 1)).reason == "There are no nodes."
    bare = replace(BOX, packs=frozenset())
    sentence = "No engine pack that is installed here serves chat models from safetensors files."
    assert ask(Now([bare], []), variant("bf16", 1)).reason == sentence
    large = ask(Now([BOX], []), variant("bf16", 5000))
    assert large.verdict == FitsVerdict.NEVER
    assert large.reason is not None
    assert "GiB missing on each of" in large.reason
    on_cpu = replace(BOX, cards=(), packs=frozenset({"vllm-cpu"}))
    assert "main memory; the largest node has 100.0 GiB." in str(ask(Now([on_cpu], []), variant("bf16", 500)).reason)
    draining = replace(BOX, state=NodeState.DRAINING)
    assert ask(Now([draining], []), variant("bf16", 20)).reason == "Node rack-1: the node is draining."


def test_an_entry_without_figures_is_reckoned_by_its_size() -> None:
    bare = {"name": "SomethingNew"}
    assert ask(Now([BOX], []), variant("bf16", 20), architecture=bare).cards == 1
    assert "do not fit on any card here" in str(ask(Now([BOX], []), variant("bf16", 90), architecture=bare).reason)


def test_main_memory_is_rounded_up_by_less_than_a_64th() -> None:
    ground = ground_of([replace(BOX, cards=(), packs=frozenset({"vllm-cpu"}))])
    for size in range(10, 80):
        one = entry("a", variants=[variant("bf16", size)])
        weight = weight_of(one, one.default_variant, known_shape(one))
        assert weight is not None
        needed = processor_bytes(weight, terms_of(one, ground, kv_cache_bytes=GIB), "vllm-cpu")
        asked = offer_of(one, ground, kv_cache_bytes=GIB).forms[0].question.layouts[0].bytes_per_card
        assert needed <= asked < needed * 65 / 64


def test_sums_are_kept_while_the_load_changes_and_made_anew_with_new_cards() -> None:
    here = FitsHere(kv_cache_bytes=GIB)
    before = listing(("a", [variant("bf16", 20)]), ("b", [variant("bf16", 30)]))
    here.of(before, Now([BOX], []))
    sums = dict(here.offers)
    assert here.of(before, Now([BOX], held(CARDS[0])))["a"].verdict == "now"
    assert all(here.offers[key] is sums[key] for key in sums)
    more = Listing(2, {**before.shown, **listing(("c", [variant("bf16", 1)])).shown})
    assert set(here.of(more, Now([BOX], []))) == {"a", "b", "c"}
    assert all(here.offers[key] is sums[key] for key in sums)
    here.of(before, Now([replace(BOX, cards=CARDS[:1], packs=frozenset({"vllm-cpu"}))], []))
    assert all(here.offers[key] is not sums[key] for key in sums)
    assert len(here.offers) == 2


def test_the_same_question_is_not_asked_twice() -> None:
    here = FitsHere(kv_cache_bytes=GIB)
    entries, now = listing(("a", [variant("bf16", 20)])), Now([BOX], [])
    assert here.of(entries, now) is here.of(entries, Now([BOX], []))


MOMENTS = st.lists(
    st.tuples(
        st.sampled_from([BOX, BOTH, replace(BOX, state=NodeState.UNREACHABLE), replace(BOTH, cards=CARDS[:1])]),
        st.sampled_from([(), CARDS[:1], CARDS[1:], CARDS]),
        st.sampled_from([0, 50 * GIB, 95 * GIB]),
        st.booleans(),
    ),
    min_size=1,
    max_size=6,
)
SHORT = listing(("a", [variant("bf16", 20)]), ("b", [variant("bf16", 120), variant("fp8", 60)]))
LONG = Listing(2, {**SHORT.shown, **listing(("c", [variant("bf16", 3)]), ("d", [variant("bf16", 900)])).shown})


@settings(max_examples=60, deadline=None)
@given(moments=MOMENTS)
def test_what_is_kept_never_says_otherwise_than_anew(moments: list[Any]) -> None:
    here = FitsHere(kv_cache_bytes=GIB)
    for node, cards, memory, is_long in moments:
        now, entries = Now([node], held(*cards, memory=memory)), LONG if is_long else SHORT
        assert here.of(entries, now) == FitsHere(kv_cache_bytes=GIB).of(entries, now)


FIGURES = [name for name, field in Architecture.model_fields.items() if field.annotation == Figure | None]
VALUES = st.sampled_from([0, 1, 2, 7, 64, 4096, 10**6, 10**12, 10**15, 0.5, 49.9])


@settings(max_examples=200, deadline=None)
@given(figures=st.dictionaries(st.sampled_from(FIGURES), VALUES, max_size=6), gib=st.sampled_from([1e-9, 1, 900_000]))
def test_every_entry_that_is_admitted_gets_an_answer(figures: dict[str, float], gib: float) -> None:
    architecture = raw_entry("a")["architecture"] | {name: figure(value) for name, value in figures.items()}
    made = entry("a", architecture=architecture, variants=[variant("bf16", gib)])
    try:
        require_admissible(made)
    except BadRequest:
        return
    assert ask(Now([BOTH], []), variant("bf16", gib), architecture=architecture).verdict in FitsVerdict


@pytest.mark.parametrize("is_known", [True, False])
def test_an_encoder_of_text_takes_a_pack_for_its_task(is_known: bool) -> None:
    packs = frozenset({"vllm-cuda" if is_known else "llamacpp-cpu"})
    answer = ask(Now([replace(BOX, packs=packs)], []), variant("f32", 1), task="embedding")
    assert answer.verdict == ("now" if is_known else "never")


def test_the_entrys_own_pack_goes_before_others_where_it_can_run() -> None:
    own = {"max_model_len": 2048, "pack": "vllm-cpu"}
    assert ask(Now([BOTH], []), variant("bf16", 20), engine=own).pack == "vllm-cpu"
    assert ask(Now([BOX], []), variant("bf16", 20), engine=own).pack == "vllm-cuda"
    assert ask(Now([BOTH], []), variant("bf16", 110), engine=own).pack == "vllm-cuda"


def test_a_gguf_file_goes_to_the_engine_that_reads_it() -> None:
    every = replace(BOTH, packs=BOTH.packs | {"llamacpp-cpu"})
    gguf = variant("q8-0", 5) | {"format": "gguf", "quantization": "q8_0"}
    own = {"max_model_len": 2048, "pack": "vllm-cpu"}
    assert ask(Now([every], []), gguf, engine=own).pack == "llamacpp-cpu"
    said = "No engine pack that is installed here serves chat models from gguf files."
    assert ask(Now([BOTH], []), gguf).reason == said


def test_what_no_pack_does_is_said() -> None:
    speech = ask(Now([BOTH], []), variant("f16", 2), task="speech_to_text", capabilities=["audio"], sampling={})
    assert speech.reason == "No engine pack that is installed here serves speech to text models from safetensors files."
    assert ask(Now([BOTH], []), variant("f16", 2), task="rerank").verdict == "now"


FASTDEPLOY = {
    (entry.name, variant.name)
    for entry in load_catalogue().values()
    for variant in entry.variants
    if variant.engine == "FastDeploy"
}


def test_no_pack_is_offered_for_a_form_that_only_fastdeploy_runs() -> None:
    assert {name for _, name in FASTDEPLOY} == {"wint4", "wint8", "w4a8"}
    everything = replace(ground_of([BOX]), packs=frozenset(pack_names()))
    for name, form in FASTDEPLOY:
        known = load_catalogue()[name]
        (found,) = (each for each in known.variants if each.name == form)
        assert able_packs(wish_of(known, found, Weight(name, GIB)), everything) == []


def test_a_form_without_an_engine_pack_is_never_said_to_fit() -> None:
    """The cards would hold it many times over."""
    bound = form("wint4", 1, quantization="wint4", engine="FastDeploy")
    answer = ask(Now([BOX], []), bound)
    assert answer.verdict is FitsVerdict.NEVER
    assert "that FastDeploy alone runs" in str(answer.reason)
    assert ask(Now([BOX], []), bound, variant("bf16", 1)).variant == "bf16"


def form(name: str, gib: float, **changes: Any) -> dict[str, Any]:
    return variant(name, gib) | changes
