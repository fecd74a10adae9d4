"""vLLM's pool of equal blocks, and how many of them one sequence takes.

Layers of one kind share a block table. Where kinds differ, vLLM cuts them into groups of equally many layers (padding
the last), a block being one page in each layer of a group, and every group draws blocks from the one pool:
`_get_kv_cache_groups_uniform_page_size`. A recurrent state must fit a page, so pages grow to it:
`Platform._align_hybrid_block_size`. Read from vLLM 0.32; where page sizes differ otherwise this is approximate.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from model_catalog.fit.kv_cache import CacheRules, bytes_per_token, state_bytes, window_of
from model_catalog.fit.shape import LayerState, Recurrent, Stateless

PADDING_LIMIT = 1.5
"""With fewer than 1.5 times as many layers of the commonest kind as of the rarest, vLLM pads to the commonest."""


@dataclass(frozen=True)
class Group:
    """`count` block tables for layers of one kind; `tokens` per block."""

    layer: LayerState
    count: int
    tokens: int


@dataclass(frozen=True)
class Pool:
    """`block_bytes`: one block across the layers of a group."""

    block_bytes: int
    groups: tuple[Group, ...]

    def blocks(self, tokens: int, *, in_flight: int, state_blocks: int) -> int:
        """Blocks of one sequence of `tokens`, of which up to `in_flight` come in one step."""
        return sum(group.count * blocks_of(group, tokens, in_flight, state_blocks) for group in self.groups)


def blocks_of(group: Group, tokens: int, in_flight: int, state_blocks: int) -> int:
    """A window holds itself less one, what is in flight, and one block more, for it rarely begins on a block's edge."""
    if isinstance(group.layer, Recurrent):
        return state_blocks + (group.layer.checkpoints if state_blocks > 1 else 0)
    window = window_of(group.layer)
    if window is None:
        return -(-tokens // group.tokens)
    return -(-min(window - 1 + in_flight, tokens) // group.tokens) + 1


def pool_of(layers: Sequence[LayerState], rules: CacheRules, *, model_bytes: int, tensor: int = 1) -> Pool:
    """The pool of one card for these layers; `model_bytes` is the size of an element in the model's own precision."""
    kinds: Counter[LayerState] = Counter(layer for layer in layers if not isinstance(layer, Stateless))
    size = rules.element_bytes or model_bytes
    if not kinds:
        return Pool(0, ())
    page, block_tokens = page_size(kinds, rules, model_bytes=model_bytes, tensor=tensor)
    if len(kinds) == 1:
        layer, count = next(iter(kinds.items()))
        return Pool(page * count, (Group(layer, 1, block_tokens),))
    per_group = layers_per_group(list(kinds.values()))
    groups = [
        Group(layer, -(-count // per_group), tokens_per_block(layer, page, size, tensor))
        for layer, count in kinds.items()
    ]
    return Pool(page * per_group, tuple(groups))


def page_size(kinds: Mapping[LayerState, int], rules: CacheRules, *, model_bytes: int, tensor: int) -> tuple[int, int]:
    """Bytes of one layer's page, the same for all, and the tokens that the costliest attention layer puts on it."""
    size = rules.element_bytes or model_bytes
    per_token = max(bytes_per_token(layer, element_bytes=size, tensor=tensor) for layer in kinds)
    state = max(state_bytes(layer, rules, element_bytes=model_bytes, tensor=tensor) for layer in kinds)
    if per_token == 0:
        return state, 1
    blocks = max(1, -(-state // (rules.block_tokens * per_token)))
    tokens = blocks * rules.block_tokens
    return tokens * per_token, tokens


def tokens_per_block(layer: LayerState, page: int, element_bytes: int, tensor: int) -> int:
    """A layer that needs less per token puts more tokens on a page, where that divides; else the page is padded."""
    each = bytes_per_token(layer, element_bytes=element_bytes, tensor=tensor)
    return page // each if each else 1


def layers_per_group(counts: Sequence[int]) -> int:
    fewest, most = min(counts), max(counts)
    return most if most < fewest * PADDING_LIMIT else fewest


def pool_bytes(pool: Pool, rules: CacheRules, tokens: int, *, sequences: int) -> int:
    """Bytes that `sequences` of `tokens` take at once: all hold their windows, one batch is in flight, and vLLM keeps
    one block back for itself (the null block).
    """
    if not pool.groups:
        return 0
    first = pool.blocks(tokens, in_flight=rules.tokens_in_flight, state_blocks=rules.state_blocks)
    other = pool.blocks(tokens, in_flight=1, state_blocks=rules.state_blocks)
    return (first + (sequences - 1) * other + 1) * pool.block_bytes


def reported_tokens(pool: Pool, rules: CacheRules, tokens: int, *, memory_bytes: int) -> int:
    """What vLLM logs as `KV cache size: N tokens` for this memory at `max_model_len` tokens: it counts every sequence
    with a whole batch in flight, and all blocks (`get_max_concurrency_for_kv_cache_config`).
    """
    per_sequence = pool.blocks(tokens, in_flight=rules.tokens_in_flight, state_blocks=rules.state_blocks)
    return int(memory_bytes // pool.block_bytes / per_sequence * tokens) if per_sequence else 0
