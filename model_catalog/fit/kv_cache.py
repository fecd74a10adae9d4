"""KV cache bytes of one card: what a model must store, and what vLLM's paging makes of that.

`stored_bytes` is the truth of the model: full layers grow with the text, windows stop, recurrent layers never grow.
`paged_bytes` is what vLLM takes for it from its pool (vLLM 0.32 `v1/core/kv_cache_utils.py` and
`v1/kv_cache_interface.py`). `naive_bytes_per_token` is the formula of the other estimators, for comparison.
"""

from dataclasses import dataclass

from model_catalog.fit.shape import Attention, Latent, LayerState, ModelShape, Recurrent

FP8_BYTES = 1
FP8_LATENT_SCALES_BYTES = 16
"""vLLM's packed fp8 layout of sparse MLA: 512 fp8 values, 4 fp32 scales, 64 bf16 rotary values: 656 bytes."""


@dataclass(frozen=True)
class CacheRules:
    """How an engine keeps it. `element_bytes` 0: the model's own precision; 1: fp8 (recurrent states stay as they are).

    `block_tokens`: tokens per page of a full layer. `tokens_in_flight`: the most that one step may add, for which
    windows keep room. `state_blocks`: copies of a recurrent state per sequence (2 with prefix caching: vLLM's `align`).
    `state_element_bytes` 0: the model's own; vLLM on the CPU keeps recurrent states in fp32 (`platforms/cpu.py`).
    """

    element_bytes: int = 0
    block_tokens: int = 16
    tokens_in_flight: int = 8192
    state_blocks: int = 2
    state_element_bytes: int = 0


def elements(shape: ModelShape, rules: CacheRules) -> int:
    return rules.element_bytes or shape.element_bytes


def bytes_per_token(layer: LayerState, *, element_bytes: int, tensor: int = 1) -> int:
    """Bytes that one layer stores for one token on one card; KV heads fewer than cards are copied."""
    match layer:
        case Attention():
            heads = -(-layer.kv_heads // tensor)
            return heads * (layer.key_dim + layer.value_dim) * element_bytes
        case Latent() if element_bytes == FP8_BYTES and layer.index_bytes:
            return layer.rank + FP8_LATENT_SCALES_BYTES + 2 * layer.rope_dim + layer.index_bytes
        case Latent():
            return (layer.rank + layer.rope_dim) * element_bytes + layer.index_bytes
        case _:
            return 0


def state_bytes(layer: LayerState, rules: CacheRules, *, element_bytes: int, tensor: int = 1) -> int:
    """Bytes of a fixed state per sequence on one card; `element_bytes` is the model's own precision."""
    if not isinstance(layer, Recurrent):
        return 0
    each = rules.state_element_bytes or layer.state_element_bytes
    whole = layer.conv_elements * element_bytes + layer.state_elements * each
    return -(-whole // tensor)


def window_of(layer: LayerState) -> int | None:
    return layer.window if isinstance(layer, Attention) else None


def growth_per_token(shape: ModelShape, rules: CacheRules, *, tensor: int = 1) -> int:
    """Bytes that one more token costs on one card once all windows are full."""
    size = elements(shape, rules)
    return sum(
        count * bytes_per_token(layer, element_bytes=size, tensor=tensor)
        for layer, count in shape.groups.items()
        if window_of(layer) is None
    )


def naive_bytes_per_token(shape: ModelShape, rules: CacheRules, *, tensor: int = 1) -> int:
    """As if every layer were the costliest attention layer of the model and none had a window."""
    size = elements(shape, rules)
    most = max((bytes_per_token(layer, element_bytes=size, tensor=tensor) for layer in shape.groups), default=0)
    return most * len(shape.layers)


def stored_bytes(shape: ModelShape, tokens: int, rules: CacheRules, *, tensor: int = 1) -> int:
    """What one sequence of `tokens` stores on one card, without pages and without copies."""
    size = elements(shape, rules)
    total = 0
    for layer, count in shape.groups.items():
        held = min(tokens, window_of(layer) or tokens)
        total += count * held * bytes_per_token(layer, element_bytes=size, tensor=tensor)
        total += count * state_bytes(layer, rules, element_bytes=shape.element_bytes, tensor=tensor)
    return total


def plain_bytes(shape: ModelShape, tokens: int, rules: CacheRules, *, sequences: int, tensor: int = 1) -> int:
    """An engine that pages full layers by the block and keeps windows and states as they are: SGLang, llama.cpp."""
    rounded = -(-tokens // rules.block_tokens) * rules.block_tokens
    return sequences * stored_bytes(shape, rounded, rules, tensor=tensor)
