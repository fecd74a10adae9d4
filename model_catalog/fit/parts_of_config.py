"""Which parts a model type has: one function per family of MLPs, each returning all the weights."""

from collections.abc import Callable, Sequence

from model_catalog.fit import counting
from model_catalog.fit.config_fields import ConfigFields
from model_catalog.fit.counting import attention_parts, dense, experts, layer_norms, merged, part
from model_catalog.fit.layers_of_config import layer_count
from model_catalog.fit.shape import Attention, Latent, LayerState, WeightPart

Layers = Sequence[LayerState]
Parts = tuple[WeightPart, ...]
Counter = Callable[[ConfigFields, Layers], Parts]


def dense_model(
    *, bias: bool = False, qk_norm: bool = False, norms: int = 2, tied: bool = False, gated_mlp: bool = True
) -> Counter:
    """Llama's build: attention, one gated MLP, two norms per layer. Biases on q, k and v as `attention_bias` says."""

    def count(fields: ConfigFields, layers: Layers) -> Parts:
        biased = fields.flag("attention_bias", default=bias) or fields.flag("use_bias", default=False)
        number = layer_count(fields)
        return merged(
            [
                *counting.ends(fields, tied=tied),
                *attention_parts(fields, layers, bias=biased, qk_norm=qk_norm),
                *dense(fields, number, matrices=3 if gated_mlp else 2),
                *layer_norms(fields, number, each=norms),
            ]
        )

    return count


def expert_layers(fields: ConfigFields) -> int:
    """How many layers have experts: all, minus the first dense ones, or every n-th."""
    number = layer_count(fields)
    if fields.has("mlp_only_layers"):
        number -= len(fields.numbers("mlp_only_layers") or [])
    first = fields.integer("first_k_dense_replace", "moe_layer_start_index", default=0)
    step = fields.positive("decoder_sparse_step", "moe_layer_freq", "moe_layer_interval", default=1)
    return -(-(number - first) // step)


def expert_model(
    *, qk_norm: bool = False, gate_bias: bool = False, tied: bool = False, norms: int = 2, shared_gate: bool = False
) -> Counter:
    """Attention of either kind; experts in most layers, a dense MLP in the others."""

    def count(fields: ConfigFields, layers: Layers) -> Parts:
        number, sparse = layer_count(fields), expert_layers(fields)
        gate = part("routers", sparse * fields.positive("hidden_size"), shards=1, quantizable=False)
        return merged(
            [
                *counting.ends(fields, tied=tied),
                *attention_of_kind(fields, layers, qk_norm=qk_norm),
                *experts(fields, sparse, inner=expert_width(fields), shared=shared_width(fields), gate_bias=gate_bias),
                *([gate] if shared_gate else []),
                *(dense(fields, number - sparse) if number > sparse else []),
                *layer_norms(fields, number, each=norms),
            ]
        )

    return count


def attention_of_kind(fields: ConfigFields, layers: Layers, *, qk_norm: bool) -> list[WeightPart]:
    if any(isinstance(layer, Latent) for layer in layers):
        return counting.latent_parts(fields, layers)
    biased = fields.flag("attention_bias", default=False)
    return attention_parts(fields, layers, bias=biased, qk_norm=fields.flag("use_qk_norm", default=qk_norm))


def expert_width(fields: ConfigFields) -> int:
    """ERNIE's VL models write a list, text experts first."""
    widths = fields.numbers("moe_intermediate_size")
    return widths[0] if widths else fields.positive("moe_intermediate_size", "intermediate_size")


def shared_width(fields: ConfigFields) -> int:
    if fields.has("shared_expert_intermediate_size"):
        return fields.integer("shared_expert_intermediate_size")
    if fields.has("share_expert_dim"):
        return fields.integer("share_expert_dim")
    number = fields.integer("n_shared_experts", "moe_num_shared_experts", default=0)
    return number * expert_width(fields)


def delta_model(*, sparse: bool) -> Counter:
    """Qwen3-Next and Qwen3.5: gated attention in some layers, gated delta net in the others, then an MLP or experts."""

    def count(fields: ConfigFields, layers: Layers) -> Parts:
        number = layer_count(fields)
        shared_gate = part("routers", number * fields.positive("hidden_size"), shards=1, quantizable=False)
        mlp = (
            [*experts(fields, number, inner=expert_width(fields), shared=shared_width(fields)), shared_gate]
            if sparse
            else dense(fields, number)
        )
        return merged(
            [
                *counting.ends(fields, tied=False),
                *attention_parts(fields, layers, qk_norm=True, gated=fields.flag("attn_output_gate", default=True)),
                *counting.delta_parts(fields, layers),
                *mlp,
                *layer_norms(fields, number),
            ]
        )

    return count


def gpt_oss(fields: ConfigFields, layers: Layers) -> Parts:
    """Biases everywhere: on all four projections, the router and every expert; one sink per query head."""
    number, hidden, heads = layer_count(fields), fields.positive("hidden_size"), counting.head_count(fields)
    inner, count = fields.positive("intermediate_size"), counting.expert_count(fields)
    return merged(
        [
            *counting.ends(fields, tied=False),
            *attention_parts(fields, layers, bias=True),
            *experts(fields, number, inner=inner, gate_bias=True),
            part("experts' biases", number * count * (2 * inner + hidden), quantizable=False),
            part("biases", number * (hidden + heads), shards=1, quantizable=False),
            *layer_norms(fields, number),
        ]
    )


def llama4(fields: ConfigFields, layers: Layers) -> Parts:
    """Experts and one shared expert of the same width in every n-th layer; wider dense MLPs in the others."""
    number = layer_count(fields)
    sparse = len(fields.numbers("moe_layers") or []) or number // fields.positive(
        "interleave_moe_layer_step", default=1
    )
    inner = fields.positive("intermediate_size")
    return merged(
        [
            *counting.ends(fields, tied=False),
            *attention_parts(fields, layers),
            *experts(fields, sparse, inner=inner, shared=inner),
            *dense(fields, number - sparse, inner=fields.positive("intermediate_size_mlp", default=inner)),
            *layer_norms(fields, number),
        ]
    )


def minimax_m2(fields: ConfigFields, layers: Layers) -> Parts:
    """Norms over all query and all key channels at once, and a bias per expert for choosing."""
    number = layer_count(fields)
    widths = sum(layer.kv_heads * layer.key_dim for layer in layers if isinstance(layer, Attention))
    widths += number * counting.attention_width(fields)
    return merged(
        [
            *counting.ends(fields, tied=False),
            *attention_parts(fields, layers),
            *experts(fields, number, inner=fields.positive("intermediate_size"), gate_bias=True),
            part("norms", widths, shards=1, quantizable=False),
            *layer_norms(fields, number),
        ]
    )


def nemotron(fields: ConfigFields, layers: Layers) -> Parts:
    """One kind of mixer per layer and one norm. MLPs and experts have two matrices (squared ReLU, no gate)."""
    number = len(layers)
    letters = fields.text("hybrid_override_pattern")
    words = fields.words("layers_block_type") or fields.words("layer_types") or []
    plain = letters.count("-") + words.count("mlp")
    sparse = letters.count("E") + words.count("moe")
    hidden = fields.positive("hidden_size")
    return merged(
        [
            *counting.ends(fields, tied=False),
            *attention_parts(fields, layers),
            *counting.mamba_parts(fields, layers),
            *(dense(fields, plain, matrices=2) if plain else []),
            *(nemotron_experts(fields, sparse) if sparse else []),
            part("norms", number * hidden, shards=1, quantizable=False),
        ]
    )


def nemotron_experts(fields: ConfigFields, count: int) -> list[WeightPart]:
    """Nemotron 3 Super routes in a narrower latent space, with a projection in and out."""
    hidden, number = fields.positive("hidden_size"), counting.expert_count(fields)
    narrow = fields.integer("moe_latent_size", default=0)
    shared = fields.integer("n_shared_experts", default=1) * fields.integer(
        "moe_shared_expert_intermediate_size", default=0
    )
    return [
        part("experts", count * number * 2 * (narrow or hidden) * fields.positive("moe_intermediate_size")),
        part("shared experts", count * 2 * hidden * shared),
        part("latent projections", count * 2 * hidden * narrow, shards=1),
        part("routers", count * (number * hidden + number), shards=1, quantizable=False),
    ]


def granite_hybrid(fields: ConfigFields, layers: Layers) -> Parts:
    number = layer_count(fields)
    routed = counting.expert_count(fields)
    return merged(
        [
            *counting.ends(fields, tied=False),
            *attention_parts(fields, layers),
            *counting.mamba_parts(fields, layers),
            *(experts(fields, number, inner=fields.positive("intermediate_size")) if routed else []),
            *dense(fields, number, inner=fields.positive("shared_intermediate_size")),
            *layer_norms(fields, number),
        ]
    )


def bert(fields: ConfigFields, _: Layers) -> Parts:
    return merged(counting.encoder_parts(fields))


def phi(fields: ConfigFields, layers: Layers) -> Parts:
    """Phi 1 and 2: a plain MLP, biases everywhere, one norm per layer with weight and bias."""
    number, hidden, inner = layer_count(fields), fields.positive("hidden_size"), fields.positive("intermediate_size")
    return merged(
        [
            *counting.ends(fields, tied=False),
            *attention_parts(fields, layers, bias=True),
            *dense(fields, number, matrices=2),
            part("biases", number * (2 * hidden + inner), shards=1, quantizable=False),
            part("biases", fields.positive("vocab_size") + hidden, shards=1, quantizable=False),
            *layer_norms(fields, number),
        ]
    )
