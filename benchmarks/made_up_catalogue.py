"""Entries for `benchmarks.catalogue`: made up around the sizes of published models, each with figures of its own."""

import random
from typing import Any

from tests.fixtures.catalogue_entries import figure, raw_entry

SIZES = (  # layers, hidden size, attention heads, KV heads, parameters
    (24, 896, 14, 2, 0.5e9), (28, 1536, 12, 2, 1.5e9), (36, 2048, 16, 2, 3e9), (32, 4096, 32, 8, 8e9),
    (48, 5120, 40, 8, 14e9), (64, 5120, 40, 8, 32e9), (80, 8192, 64, 8, 70e9), (61, 7168, 128, 8, 671e9),
)  # fmt: skip
BYTES = {"bf16": 2.0, "fp8": 1.0, "int4": 0.55}
CONTEXTS = (8192, 32768, 131072)


def made_up_entry(name: str, chance: random.Random) -> dict[str, Any]:
    """With three forms of its weights, as the larger families have them."""
    layers, hidden, heads, kv_heads, parameters = chance.choice(SIZES)
    bundled = raw_entry(name)
    architecture = bundled["architecture"] | {
        "num_hidden_layers": figure(layers),
        "hidden_size": figure(hidden),
        "num_attention_heads": figure(heads),
        "num_key_value_heads": figure(kv_heads),
        "head_dim": figure(128),
        "vocab_size": figure(151936),
    }
    own = parameters * chance.uniform(0.9, 1.1)
    variants = [
        {**bundled["variants"][0], "name": form, "weight_bytes": figure(int(own * size))}
        for form, size in BYTES.items()
    ]
    engine = {**bundled["engine"], "max_model_len": chance.choice(CONTEXTS)}
    return raw_entry(name, architecture=architecture, context=figure(CONTEXTS[-1]), variants=variants, engine=engine)
