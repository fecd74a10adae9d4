"""The ways in which the bundled and some known models can run, from fit's sums."""

from dataclasses import replace

import pytest

from appliance.placement.layouts import Layout
from appliance.placement.nodes import CardView, NodeView
from appliance.placement.ways import COARSE_EXTRA_BYTES, CardKind, Terms, Weight, cache_bytes, card_kinds, on_card, ways
from model_catalog.fit.known_models import find_model

GIB = 1024**3
TERMS = Terms(max_model_len=4096, kv_cache_bytes=GIB // 2, cores=(7, 0))
H100 = CardKind("cuda", "NVIDIA H100 80GB HBM3", 80 * GIB)
P800 = CardKind("kunlun", "P800", 96 * GIB)


def weight(name: str) -> Weight:
    model = find_model(name)
    return Weight(name, model.weights().size_bytes, model)


def test_on_the_processor_there_is_a_way_with_and_one_without_cores_of_its_own() -> None:
    bound, shared = ways(weight("sails-guide"), TERMS, kinds=[], packs=["vllm-cpu"])
    assert (bound.family, bound.cores, shared.cores) == ("cpu", 7, 0)
    assert bound.bytes_per_card == shared.bytes_per_card
    assert 2 * GIB < bound.bytes_per_card < 3 * GIB


def test_cards_come_before_the_processor_and_the_fewest_first() -> None:
    found = ways(
        weight("qwen3-8b"), TERMS, kinds=[H100], packs=["llamacpp-cpu", "vllm-cuda", "sglang-cuda", "vllm-cpu"]
    )
    assert [(layout.pack, layout.cards) for layout in found] == [
        ("vllm-cuda", 1), ("sglang-cuda", 1), ("vllm-cpu", 1), ("vllm-cpu", 1), ("llamacpp-cpu", 1),
        ("llamacpp-cpu", 1),
    ]  # fmt: skip


def test_a_large_model_is_divided_and_one_too_large_has_no_way() -> None:
    (layout,) = ways(weight("qwen2.5-vl-72b"), TERMS, kinds=[H100], packs=["vllm-cuda"])
    assert layout.tensor_parallel_size == 2
    assert ways(weight("deepseek-r1"), TERMS, kinds=[replace(H100, memory_bytes=16 * GIB)], packs=["vllm-cuda"]) == ()


def test_a_pack_runs_on_its_own_families_only() -> None:
    assert ways(weight("qwen3-8b"), TERMS, kinds=[P800], packs=["vllm-cuda"]) == ()
    assert [
        layout.product for layout in ways(weight("qwen3-8b"), TERMS, kinds=[H100, P800], packs=["vllm-kunlun"])
    ] == ["P800"]


def test_a_pack_that_cannot_be_told_of_several_cards_gets_one() -> None:
    kind = CardKind("cann", "Ascend910B3", 64 * GIB)
    assert on_card(weight("qwen2.5-vl-72b"), TERMS, kind=kind, pack="mindie-ascend") is None
    assert on_card(weight("qwen2.5-vl-72b"), TERMS, kind=kind, pack="vllm-ascend") is not None


def test_a_model_that_fit_cannot_read_goes_by_the_size_of_its_files() -> None:
    unknown = Weight("strange", 10 * GIB)
    (layout,) = ways(unknown, TERMS, kinds=[H100], packs=["vllm-cuda"])
    assert layout == Layout("vllm-cuda", "cuda", 80 * GIB, product=H100.product, max_model_len=4096)
    (on_cpu, _) = ways(unknown, TERMS, kinds=[], packs=["vllm-cpu"])
    assert on_cpu.bytes_per_card == 12 * GIB + COARSE_EXTRA_BYTES + TERMS.kv_cache_bytes
    assert ways(Weight("strange", 100 * GIB), TERMS, kinds=[H100], packs=["vllm-cuda"]) == ()


@pytest.mark.parametrize(("tokens", "size"), [(4096, GIB // 2), (32768, None)])
def test_the_cache_on_the_processor_holds_one_whole_text_at_least(tokens: int, size: int | None) -> None:
    found = cache_bytes(weight("qwen3-8b"), replace(TERMS, max_model_len=tokens), "vllm-cpu")
    assert found == size if size and found == size else found >= tokens * 144 * 1024


def test_an_encoder_keeps_no_cache() -> None:
    assert cache_bytes(weight("all-minilm-l6-v2"), TERMS, "vllm-cpu") == 0


def test_kinds_leave_out_a_card_that_is_cut_up_and_take_the_smallest_memory() -> None:
    cards = (
        CardView(0, "a", "cuda", "H100", 80 * GIB),
        CardView(1, "b", "cuda", "H100", 79 * GIB),
        CardView(2, "c", "cuda", "H200", 141 * GIB),
        CardView(2, "m", "cuda", "H200 3g", 70 * GIB, partition_of="c"),
    )
    kinds = card_kinds([NodeView("n", "n", cards=cards)])
    assert kinds == [CardKind("cuda", "H100", 79 * GIB), CardKind("cuda", "H200 3g", 70 * GIB)]
