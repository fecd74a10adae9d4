"""Counting a model's weights from its config.json, in parts that tensor parallelism divides alike.

What vLLM copies instead of dividing (`model_executor/models/*.py`): norms, routers, MLA's down projections, the sparse
indexer, and KV projections beyond their heads. Checked against `transformers` models on torch's meta device.
"""

from collections.abc import Sequence

from model_catalog.fit.config_fields import ConfigFields
from model_catalog.fit.layers_of_config import head_count, head_dim, layer_count, mamba_inner
from model_catalog.fit.shape import REPLICATED, Attention, Latent, LayerState, Recurrent, Stateless, WeightPart


def part(label: str, parameters: int, *, shards: int | None = None, quantizable: bool = True) -> WeightPart:
    made = WeightPart(label, parameters, quantizable=quantizable)
    return made if shards is None else WeightPart(label, parameters, most_shards=shards, quantizable=quantizable)


def merged(parts: Sequence[WeightPart]) -> tuple[WeightPart, ...]:
    """One part per label and way of dividing, in order of appearance; empty parts fall away."""
    sums: dict[tuple[str, int, bool, str], int] = {}
    for one in parts:
        key = (one.label, one.most_shards, one.quantizable, one.place)
        sums[key] = sums.get(key, 0) + one.parameters
    return tuple(
        WeightPart(label, count, most_shards=shards, quantizable=quantizable, place=place)
        for (label, shards, quantizable, place), count in sums.items()
        if count
    )


def ends(fields: ConfigFields, *, tied: bool) -> list[WeightPart]:
    """Embedding, output head (none of its own where tied) and the last norm."""
    hidden, vocabulary = fields.positive("hidden_size", "n_embd"), fields.positive("vocab_size")
    tables = [WeightPart("embedding", vocabulary * hidden, place="first")]
    if not fields.flag("tie_word_embeddings", default=tied):
        tables.append(WeightPart("output head", vocabulary * hidden, place="last"))
    return [*tables, WeightPart("norms", hidden, most_shards=REPLICATED, place="last")]


def attention_parts(
    fields: ConfigFields,
    layers: Sequence[LayerState],
    *,
    bias: bool = False,
    qk_norm: bool = False,
    gated: bool = False,
) -> list[WeightPart]:
    """Projections of the grouped-query layers. `gated`: the query projection makes an output gate too (Qwen3-Next).

    A layer that reads another's cache has no projections of keys and values, which Gemma 3n and 4 do keep in their
    files; they are not counted.
    """
    hidden, heads = fields.positive("hidden_size"), head_count(fields)
    found: list[WeightPart] = []
    for layer in layers:
        if not isinstance(layer, Attention):
            continue
        query = heads * layer.key_dim * (2 if gated else 1)
        keys = layer.kv_heads * (layer.key_dim + layer.value_dim)
        found += [
            part("attention", hidden * query + heads * layer.value_dim * hidden),
            part("keys and values", hidden * keys, shards=layer.kv_heads),
            part("biases", query + keys if bias else 0, shards=REPLICATED, quantizable=False),
            part("norms", 2 * layer.key_dim if qk_norm else 0, shards=REPLICATED, quantizable=False),
        ]
    return found


def latent_parts(fields: ConfigFields, layers: Sequence[LayerState]) -> list[WeightPart]:
    """MLA: down projections are copied to every card, up projections are divided by heads."""
    count = sum(isinstance(layer, Latent) for layer in layers)
    hidden, heads = fields.positive("hidden_size"), head_count(fields)
    rank, rope = fields.positive("kv_lora_rank"), fields.positive("qk_rope_head_dim")
    nope, value = fields.positive("qk_nope_head_dim"), fields.positive("v_head_dim")
    query_rank = fields.integer("q_lora_rank", default=0)
    up = heads * (nope + rope) * (query_rank or hidden) + rank * heads * (nope + value) + heads * value * hidden
    down = hidden * (rank + rope) + hidden * query_rank
    return [
        part("attention", count * up),
        part("MLA down projections", count * down, shards=REPLICATED),
        part("sparse index", count * index_parameters(fields, query_rank or hidden), shards=REPLICATED),
        part("norms", count * (rank + query_rank), shards=REPLICATED, quantizable=False),
    ]


def index_parameters(fields: ConfigFields, query_rank: int) -> int:
    """DeepSeek V3.2's indexer: its own queries from the compressed query, one key, weights per head, a layer norm."""
    if not fields.has("index_n_heads"):
        return 0
    hidden, size = fields.positive("hidden_size"), fields.positive("index_head_dim", default=128)
    heads = fields.positive("index_n_heads")
    return query_rank * heads * size + hidden * size + hidden * heads + 2 * size


def dense(fields: ConfigFields, count: int, *, matrices: int = 3, inner: int | None = None) -> list[WeightPart]:
    """`matrices`: 3 for a gated MLP (gate, up, down), 2 for a plain one."""
    width = fields.positive("intermediate_size", "ffn_dim") if inner is None else inner
    return [part("MLP", count * matrices * fields.positive("hidden_size") * width)]


def experts(
    fields: ConfigFields, count: int, *, inner: int, shared: int = 0, gate_bias: bool = False
) -> list[WeightPart]:
    """`count` layers of gated experts `inner` wide, with `shared` columns that every token takes, and a router."""
    hidden, number = fields.positive("hidden_size"), expert_count(fields)
    return [
        part("experts", count * number * 3 * hidden * inner),
        part("shared experts", count * 3 * hidden * shared),
        part("routers", count * (number * hidden + (number if gate_bias else 0)), shards=REPLICATED, quantizable=False),
    ]


def expert_count(fields: ConfigFields) -> int:
    return fields.integer("n_routed_experts", "num_experts", "num_local_experts", "moe_num_experts", default=0)


def layer_norms(fields: ConfigFields, count: int, *, each: int = 2) -> list[WeightPart]:
    return [part("norms", count * each * fields.positive("hidden_size"), shards=REPLICATED, quantizable=False)]


def delta_parts(fields: ConfigFields, layers: Sequence[LayerState]) -> list[WeightPart]:
    """Gated delta net: q, k, v and gate in, two scalars per value head, a convolution, out."""
    count = sum(isinstance(layer, Recurrent) for layer in layers)
    hidden = fields.positive("hidden_size")
    keys = fields.positive("linear_num_key_heads") * fields.positive("linear_key_head_dim")
    heads = fields.positive("linear_num_value_heads")
    values = heads * fields.positive("linear_value_head_dim")
    kernel = fields.positive("linear_conv_kernel_dim", default=4)
    return [
        part("linear attention", count * hidden * (2 * keys + 3 * values)),
        part("linear attention's gates", count * (hidden * 2 * heads + 2 * heads), quantizable=False),
        part("convolutions", count * kernel * (2 * keys + values), quantizable=False),
        part("norms", count * fields.positive("linear_value_head_dim"), shards=REPLICATED, quantizable=False),
    ]


def mamba_parts(fields: ConfigFields, layers: Sequence[LayerState]) -> list[WeightPart]:
    """Mamba 2: z, x, B, C and dt in, a convolution with bias, A, D and dt's bias, a norm, out."""
    count = sum(isinstance(layer, Recurrent) for layer in layers)
    hidden, heads = fields.positive("hidden_size"), fields.positive("mamba_num_heads", "mamba_n_heads")
    inner = mamba_inner(fields, heads)
    states = fields.positive("n_groups", "mamba_n_groups", default=1) * fields.positive(
        "ssm_state_size", "mamba_d_state"
    )
    channels = inner + 2 * states
    kernel = fields.positive("conv_kernel", "mamba_d_conv", default=4)
    return [
        part("Mamba", count * hidden * (2 * inner + 2 * states + heads) + count * inner * hidden),
        part("convolutions", count * channels * (kernel + 1), quantizable=False),
        part("Mamba's scalars", count * (3 * heads + inner), quantizable=False),
    ]


def encoder_parts(fields: ConfigFields) -> list[WeightPart]:
    """BERT and its kin: three embedding tables, four square projections and a plain MLP with biases, and a pooler."""
    hidden, inner, count = fields.positive("hidden_size"), fields.positive("intermediate_size"), layer_count(fields)
    tables = fields.positive("vocab_size") + fields.positive("max_position_embeddings")
    tables += fields.integer("type_vocab_size", default=2)
    return [
        WeightPart("embedding", tables * hidden + 2 * hidden, place="first"),
        part("attention", count * 4 * hidden * hidden),
        part("MLP", count * 2 * hidden * inner),
        part("biases", count * (5 * hidden + inner), shards=REPLICATED, quantizable=False),
        part("norms", count * 4 * hidden, shards=REPLICATED, quantizable=False),
        WeightPart("pooler", hidden * hidden + hidden, most_shards=REPLICATED, place="last"),
    ]


def attention_width(fields: ConfigFields) -> int:
    return head_count(fields) * head_dim(fields)


def without_state(layers: Sequence[LayerState]) -> int:
    return sum(isinstance(layer, Stateless) for layer in layers)
