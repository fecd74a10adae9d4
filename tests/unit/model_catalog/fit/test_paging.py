"""vLLM's paging against what engines logged and what others traced from its source, to the byte."""

import pytest

from model_catalog.fit.kv_cache import CacheRules
from model_catalog.fit.paging import Pool, pool_bytes, pool_of, reported_tokens
from tests.unit.model_catalog.fit.samples import sample

GIB = 1024**3
LONG = 262_144


def pool(name: str, rules: CacheRules, *, tensor: int = 1) -> Pool:
    shape = sample(name)
    return pool_of(shape.layers, rules, model_bytes=shape.element_bytes, tensor=tensor)


@pytest.mark.parametrize(("gib", "tokens"), [(5.98, 567_978), (6.01, 569_878)])
def test_a_hybrid_as_an_engine_logged_it(gib: float, tokens: int) -> None:
    """Recorded: vLLM 0.24 on an RTX 5090, Qwen3.6-35B-A3B, fp8 cache, max_model_len 131072, prefix caching
    (noonghunna/club-3090 issues 612 and 652: `Available KV cache memory` and `GPU KV cache size`).
    """
    rules = CacheRules(element_bytes=1, tokens_in_flight=8192, state_blocks=2)
    found = reported_tokens(pool("qwen3.6-35b-a3b", rules), rules, 131_072, memory_bytes=int(gib * GIB))
    assert found == tokens


@pytest.mark.parametrize(
    ("name", "in_flight", "state_blocks", "size_bytes"),
    [
        ("qwen3.6-27b", 16_384, 2, 17_520_656_384),
        ("qwen3.6-27b", 16_384, 1, 17_366_515_712),
        ("qwen3.6-35b-a3b", 16_384, 2, 5_514_854_400),
        ("nemotron-3-nano-30b-a3b", 16_384, 2, (134 + 4) * 12_877_824),
        ("gemma-4-31b", 16_384, 2, 13_637 * 2_621_440),
        ("gemma-4-31b", 4_096, 2, 9_797 * 2_621_440),
    ],
)
def test_one_long_sequence_as_traced_from_the_source(
    name: str, in_flight: int, state_blocks: int, size_bytes: int
) -> None:
    """What another project traced from vLLM 0.29's own grouping functions (tests/domain of `apron`, public).

    Nemotron's four groups of Mamba 2 layers take a block more each in 0.32, which the benchmark saw on Granite.
    """
    rules = CacheRules(tokens_in_flight=in_flight, state_blocks=state_blocks)
    found = pool(name, rules)
    assert found.block_bytes * found.blocks(LONG, in_flight=in_flight, state_blocks=state_blocks) == size_bytes


def test_a_plain_model_has_one_group_and_rounds_to_blocks() -> None:
    rules = CacheRules(block_tokens=16)
    found = pool("qwen3-8b", rules)
    assert found.block_bytes == 16 * 144 * 1024
    assert found.blocks(17, in_flight=8192, state_blocks=2) == 2


def test_padding_as_vllm_logs_it() -> None:
    """vLLM says of Gemma-3-4b `Add 1 padding layers`: 5 full layers, 29 sliding ones in 6 groups of 5."""
    shape = sample("gemma-3-27b")
    full, sliding = shape.layers[5], shape.layers[0]
    found = pool_of((full,) * 5 + (sliding,) * 29, CacheRules(), model_bytes=2)
    assert [group.count for group in found.groups] == [1, 6]


def test_an_encoder_needs_no_pool() -> None:
    rules = CacheRules()
    empty = pool("bge-m3", rules)
    assert empty.groups == ()
    assert pool_bytes(empty, rules, 8192, sequences=64) == 0
    assert reported_tokens(empty, rules, 8192, memory_bytes=GIB) == 0


def test_more_sequences_hold_one_batch_in_flight_together() -> None:
    rules = CacheRules(tokens_in_flight=8192)
    found = pool("gpt-oss-120b", rules)
    one, two, three = (pool_bytes(found, rules, 32_768, sequences=number) for number in (1, 2, 3))
    assert two - one == three - two < one
