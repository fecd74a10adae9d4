"""What two peers would say of the same rows. Written from their published formulas, for comparison only."""

from model_catalog.fit.cards import Card
from model_catalog.fit.estimate import Ask
from model_catalog.fit.kv_cache import CacheRules, naive_bytes_per_token
from model_catalog.fit.shape import ModelShape

GIB = 1024**3
CLAIM = 0.9


def gpustack_fits(weight_bytes: int, *, card: Card, cards: int) -> bool:
    """GPUStack 2.3 (`gpustack/policies/utils.py` estimate_model_vram): weights x 1.2 + 2 GiB over the cards, each
    claimed to 0.9; there is no term for context or concurrency.
    """
    return weight_bytes * 1.2 + 2 * GIB <= cards * card.memory_bytes.value * CLAIM


def kaito_fits(weight_bytes: int, *, shape: ModelShape, card: Card, cards: int, ask: Ask) -> bool:
    """KAITO (`presets/workspace/generator/model-sku-calculation.md`): n x memory x utilization against weights x 1.02
    + 2.3 GiB x n + naive KV bytes x context, for one sequence.
    """
    share = CLAIM if ask.utilization is None else ask.utilization
    cache = naive_bytes_per_token(shape, CacheRules(element_bytes=ask.cache_element_bytes)) * ask.context
    return weight_bytes * 1.02 + 2.3 * GIB * cards + cache <= cards * card.memory_bytes.value * share
