"""KV bytes per token against published and independently computed figures, and against the naive formula."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_catalog.fit.kv_cache import (
    CacheRules,
    growth_per_token,
    naive_bytes_per_token,
    state_bytes,
    stored_bytes,
)
from model_catalog.fit.shape import Recurrent
from tests.unit.model_catalog.fit.samples import ALL, sample

KIB, MIB = 1024, 1024**2
RULES = CacheRules()
FP8 = CacheRules(element_bytes=1)

# KiB per token in bf16 once windows are full, worked out by hand from each model's published dimensions:
# 2 x full layers x KV heads x head size x 2 bytes, or for MLA layers x (rank + rotary) x 2 bytes.
KIB_PER_TOKEN = {
    "deepseek-r1": 68.625,
    "deepseek-r1-distill-qwen-14b": 192,
    "ernie-4.5-0.3b": 18,
    "ernie-4.5-21b-a3b": 56,
    "ernie-4.5-300b-a47b": 216,
    "ernie-4.5-vl-28b-a3b": 56,
    "gemma-3-27b": 80,
    "gemma-4-26b-a4b": 20,
    "gemma-4-31b": 80,
    "glm-4.5-air": 184,
    "glm-4.7-fp8": 368,
    "glm-5-fp8": 87.75,
    "gpt-oss-20b": 24,
    "gpt-oss-120b": 36,
    "kimi-k2.5": 68.625,
    "llama-3.1-8b": 128,
    "llama-3.3-70b": 320,
    "llama-4-scout": 48,
    "mimo-v2-flash": 22.5,
    "minimax-m2": 248,
    "nemotron-3-nano-30b-a3b": 6,
    "phi-4": 200,
    "qwen2.5-vl-72b": 320,
    "qwen3-8b": 144,
    "qwen3-30b-a3b": 96,
    "qwen3-235b-a22b": 188,
    "qwen3-next-80b-a3b": 24,
    "qwen3-vl-235b-a22b": 188,
    "qwen3.5-397b-a17b": 30,
    "qwen3.6-27b": 64,
    "qwen3.6-35b-a3b": 20,
    "step-3.7-flash-fp8": 48,
}

# The naive figure of the same models, where it is far off. MiMo's sliding layers have twice the KV heads of its full
# ones; by the config's own `num_key_value_heads` the naive figure would be 144 with a value as wide as a key.
NAIVE_KIB = {
    "gemma-4-31b": 960,
    "gemma-4-26b-a4b": 240,
    "gemma-3-27b": 496,
    "qwen3.6-27b": 256,
    "nemotron-3-nano-30b-a3b": 52,
    "gpt-oss-120b": 72,
    "mimo-v2-flash": 240,
}


@pytest.mark.parametrize(("name", "kib"), KIB_PER_TOKEN.items())
def test_bytes_per_token(name: str, kib: float) -> None:
    assert growth_per_token(sample(name), RULES) == kib * KIB


@pytest.mark.parametrize(("name", "kib"), NAIVE_KIB.items())
def test_naive_bytes_per_token(name: str, kib: int) -> None:
    assert naive_bytes_per_token(sample(name), RULES) == kib * KIB


def test_the_sparse_index_is_stored_besides() -> None:
    """DeepSeek V3.2: 132 bytes per layer and token; in vLLM's packed fp8 layout the rest takes 656."""
    assert growth_per_token(sample("deepseek-v3.2"), RULES) == 61 * (1152 + 132)
    assert growth_per_token(sample("deepseek-v3.2"), FP8) == 61 * (656 + 132)
    assert growth_per_token(sample("deepseek-r1"), FP8) == 61 * 576


def test_a_window_adds_a_constant() -> None:
    """Gemma-3-27B: 52 layers x 1024 tokens x 8 KiB = 416 MiB per sequence."""
    shape = sample("gemma-3-27b")
    beyond = stored_bytes(shape, 100_000, RULES) - 100_000 * 80 * KIB
    assert beyond == 416 * MIB
    assert stored_bytes(shape, 500, RULES) == 500 * 496 * KIB


def test_a_recurrent_state_is_the_same_for_every_length() -> None:
    shape = sample("qwen3.6-27b")
    state = next(layer for layer in shape.layers if isinstance(layer, Recurrent))
    assert state_bytes(state, CacheRules(), element_bytes=2) == (2 * 16 * 128 + 48 * 128) * 3 * 2 + 48 * 128 * 128 * 4
    assert stored_bytes(shape, 2, RULES) - stored_bytes(shape, 1, RULES) == 64 * KIB


def test_kv_heads_fewer_than_cards_are_copied() -> None:
    shape = sample("qwen3-235b-a22b")
    whole = growth_per_token(shape, RULES)
    assert [whole // growth_per_token(shape, RULES, tensor=size) for size in (1, 2, 4, 8)] == [1, 2, 4, 4]


def test_mla_is_not_divided() -> None:
    shape = sample("deepseek-r1")
    assert growth_per_token(shape, RULES, tensor=8) == growth_per_token(shape, RULES)


@given(name=st.sampled_from(ALL), tokens=st.integers(1, 1_000_000))
def test_longer_never_stores_less(name: str, tokens: int) -> None:
    shape = sample(name)
    assert stored_bytes(shape, tokens + 1, RULES) >= stored_bytes(shape, tokens, RULES)


@given(name=st.sampled_from(ALL), tokens=st.integers(8_192, 1_000_000))
def test_the_naive_formula_never_says_less(name: str, tokens: int) -> None:
    """From a few thousand tokens on; below, a recurrent state weighs more than the tokens it replaces."""
    shape = sample(name)
    assert stored_bytes(shape, tokens, RULES) <= naive_bytes_per_token(shape, RULES) * tokens


@given(name=st.sampled_from(ALL), tokens=st.integers(1, 1_000_000), size=st.sampled_from([1, 2, 4, 8]))
def test_cards_together_hold_at_least_the_whole(name: str, tokens: int, size: int) -> None:
    shape = sample(name)
    assert stored_bytes(shape, tokens, RULES, tensor=size) * size >= stored_bytes(shape, tokens, RULES)
