"""The sum and what follows from it: monotonic, never over a card, consistent with itself."""

from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_catalog.fit.cards import find_card, load_cards
from model_catalog.fit.estimate import (
    MOST_SEQUENCES,
    Ask,
    Subject,
    concurrency,
    estimate,
    longest_context,
    smallest_layout,
    with_change,
)
from model_catalog.fit.known_models import find_model, fitted_names
from model_catalog.fit.kv_cache import stored_bytes
from model_catalog.fit.layout import Layout, layouts, layouts_of, stages
from model_catalog.fit.overheads import find_overheads, load_overheads
from model_catalog.schema import Evidence, Figure
from tests.unit.model_catalog.fit.samples import sample

GIB = 1024**3


@cache
def subject(name: str, card: str, *, form: str | None = None, pack: str | None = None) -> Subject:
    model, found = find_model(name), find_card(card)
    return Subject(model.name, model.shape, model.weights(form), found, find_overheads(pack or found.pack))


models = st.sampled_from(fitted_names())
cards = st.sampled_from(sorted(load_cards()))
packs = st.sampled_from(["vllm-cuda", "sglang-cuda", "vllm-cpu", "llamacpp-cpu"])


@st.composite
def any_subject(draw: st.DrawFn) -> Subject:
    return subject(draw(models), draw(cards), pack=draw(packs))


subjects = any_subject()
asks = st.builds(Ask, context=st.integers(1, 200_000), concurrency=st.integers(1, 64))


def any_layout(of: Subject, number: int) -> Layout:
    found = list(layouts(of.shape, of.card))
    return found[number % len(found)]


@given(of=subjects, ask=asks, number=st.integers(0, 50), more=st.integers(1, 50_000))
def test_more_tokens_or_sequences_never_need_less(of: Subject, ask: Ask, number: int, more: int) -> None:
    layout = any_layout(of, number)
    needed = estimate(of, ask, layout).needed_bytes
    assert estimate(of, replace(ask, context=ask.context + more), layout).needed_bytes >= needed
    assert estimate(of, replace(ask, concurrency=ask.concurrency + more), layout).needed_bytes >= needed


@given(of=subjects, ask=asks, number=st.integers(0, 50))
def test_a_larger_card_never_fits_less(of: Subject, ask: Ask, number: int) -> None:
    layout = any_layout(of, number)
    figure = of.card.memory_bytes
    larger = of.card.model_copy(
        update={"memory_bytes": Figure(value=figure.value * 2, evidence=Evidence.MEASURED, source="x")}
    )
    if estimate(of, ask, layout).fits:
        assert estimate(replace(of, card=larger), ask, layout).fits


@given(of=subjects, ask=asks, number=st.integers(0, 50))
def test_what_fits_never_needs_more_than_the_card_has(of: Subject, ask: Ask, number: int) -> None:
    report = estimate(of, ask, any_layout(of, number))
    if report.fits:
        assert report.needed_bytes <= report.claim_bytes <= of.card.memory_bytes.value
    assert report.missing_bytes == max(0, report.needed_bytes - report.claim_bytes)
    assert all(item.size_bytes >= 0 and item.source for item in report.items)


@settings(max_examples=40)
@given(of=subjects, ask=asks, number=st.integers(0, 50))
def test_the_longest_context_and_the_concurrency_are_the_last_that_fit(of: Subject, ask: Ask, number: int) -> None:
    layout = any_layout(of, number)
    longest, most = longest_context(of, ask, layout), concurrency(of, ask, layout)
    assert longest <= of.shape.context
    for value, changed in ((longest, "context"), (most, "concurrency")):
        limit = of.shape.context if changed == "context" else MOST_SEQUENCES
        assert value == 0 or estimate(of, replace(ask, **{changed: value}), layout).fits
        assert value == limit or not estimate(of, replace(ask, **{changed: value + 1}), layout).fits


@settings(max_examples=40)
@given(of=subjects, ask=asks)
def test_the_smallest_layout_is_the_first_that_fits(of: Subject, ask: Ask) -> None:
    found = smallest_layout(of, ask)
    for layout in layouts(of.shape, of.card):
        if found is not None and layout.cards >= found.cards:
            break
        assert not estimate(of, ask, layout).fits
    assert found is None or estimate(of, ask, found).fits


@settings(max_examples=40)
@given(of=subjects, ask=asks)
def test_the_cache_holds_what_the_sequences_store(of: Subject, ask: Ask) -> None:
    """All cards together hold at least the stored bytes of all sequences."""
    layout = Layout()
    cache = next(item for item in estimate(of, ask, layout).items if item.label == "KV cache")
    stored = stored_bytes(of.shape, ask.context, of.overheads.rules()) * ask.concurrency
    assert cache.size_bytes >= stored


@given(of=subjects)
def test_layouts_respect_sizes_heads_and_layers(of: Subject) -> None:
    for layout in layouts(of.shape, of.card, nodes=2):
        assert layout.cards in {*of.card.sizes, of.card.per_node * 2}
        assert layout.tensor <= of.card.per_node
        assert of.shape.attention_heads % layout.tensor == 0
        assert layout.pipeline <= len(of.shape.layers)


def test_left_over_layers_go_before_the_last_stage() -> None:
    """vLLM's get_pp_indices for 61 layers in 4 stages: 15, 15, 16, 15."""
    assert [len(stage.layers) for stage in stages(sample("deepseek-r1"), 4)] == [15, 15, 16, 15]


def test_the_sum_of_a_known_case_line_by_line() -> None:
    """Qwen3-8B on one H100 at 32,768 tokens: 15.26 GiB, 2 % more, 4.5 GiB and a null block, 1.7 and 0.6 GiB."""
    report = estimate(subject("qwen3-8b", "h100"), Ask(32_768), Layout())
    sizes = {item.label: item.size_bytes for item in report.items}
    assert sizes["weights"] == 8_190_735_360 * 2
    assert sizes["KV cache"] == (32_768 // 16 + 1) * 16 * 144 * 1024
    assert sizes["activations"] == pytest.approx(1.7 * GIB, rel=1e-6)
    assert report.claim_bytes == int(81_559 * 1024**2 * 0.92)
    assert report.fits


@pytest.mark.parametrize(
    ("name", "card", "ask", "cards", "change"),
    [
        ("qwen3-8b", "l20-48g", Ask(40_960, concurrency=7), 1, "fp8 KV cache"),
        ("qwen3-8b", "l20-48g", Ask(40_960, concurrency=64), 1, "sequences at once instead of 64"),
        ("qwen3-30b-a3b", "a800-80g", Ask(262_144, cache_element_bytes=2), 1, "fp8 KV cache"),
        ("qwen3-30b-a3b", "a100-80g", Ask(262_144, cache_element_bytes=1, utilization=0.8), 1, "a context of"),
        ("glm-4.5", "h100-80g", Ask(8192), 8, "tensor parallel"),
        ("glm-4.5", "a10-24g", Ask(8192), 8, None),
    ],
)
def test_the_nearest_change_would_make_it_fit(name: str, card: str, ask: Ask, cards: int, change: str | None) -> None:
    of = subject(name, card)
    report = with_change(estimate(of, ask, layouts_of(of.shape, of.card, cards)[0]))
    assert not report.fits
    assert report.change is None if change is None else change in (report.change or "")


def test_card_groups_are_said() -> None:
    of = subject("ernie-4.5-300b-a47b", "p800", form="wint4")
    notes = estimate(of, Ask(32_768), Layout(4)).notes
    assert any("{0, 1, 2, 3} or {4, 5, 6, 7}" in note for note in notes)


def test_a_context_beyond_the_models_is_said() -> None:
    assert any("made for 40,960" in note for note in estimate(subject("qwen3-8b", "h100"), Ask(50_000), Layout()).notes)


def test_an_encoder_needs_no_cache() -> None:
    of = subject("all-minilm-l6-v2", "l4")
    report = estimate(of, Ask(256, concurrency=1000), Layout())
    assert {item.label: item.size_bytes for item in report.items}["KV cache"] == 0
    assert report.fits
    assert concurrency(of, Ask(256), Layout()) == MOST_SEQUENCES


def test_figures_taken_over_are_marked() -> None:
    for pack, over in load_overheads().items():
        if pack not in {"vllm-cuda", "vllm-cpu", "llamacpp-cpu"}:
            assert over.process_bytes.evidence == "unverified", pack
