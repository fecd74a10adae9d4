"""What each layer keeps, read from config.json: one function per family of attention.

The defaults are those of the config classes of Hugging Face transformers 5.x (`models/*/configuration_*.py`), because a
published config.json leaves out what equals them; how an engine stores it is vLLM 0.32's (`v1/kv_cache_interface.py`).
"""

from collections.abc import Callable, Sequence

from model_catalog.fit.config_fields import ConfigFields, refuse
from model_catalog.fit.shape import Attention, Latent, LayerState, Recurrent, Stateless

Layers = tuple[LayerState, ...]
FLOAT_BYTES = {"float32": 4, "float": 4, "bfloat16": 2, "float16": 2, "half": 2}
FP32_BYTES = 4
INDEX_SCALE_BYTES = 4


def element_bytes(fields: ConfigFields) -> int:
    """Size of the model's own precision; bfloat16 where the config says none."""
    name = (fields.text("dtype") or fields.text("torch_dtype") or "bfloat16").removeprefix("torch.")
    if name not in FLOAT_BYTES:
        raise refuse(f"config.json: the precision `{name}` is not known.")
    return FLOAT_BYTES[name]


def layer_count(fields: ConfigFields) -> int:
    return fields.positive("num_hidden_layers", "n_layer", "num_layers")


def head_count(fields: ConfigFields) -> int:
    return fields.positive("num_attention_heads", "n_head")


def head_dim(fields: ConfigFields) -> int:
    if fields.has("head_dim"):
        return fields.positive("head_dim")
    return fields.positive("hidden_size", "n_embd") // head_count(fields)


def kv_heads(fields: ConfigFields) -> int:
    return fields.positive("num_key_value_heads", "num_attention_groups", default=head_count(fields))


def full_layer(fields: ConfigFields) -> Attention:
    size = head_dim(fields)
    return Attention(kv_heads=kv_heads(fields), key_dim=size, value_dim=fields.positive("v_head_dim", default=size))


def windowed(layer: Attention, window: int, *, context: int, chunked: bool = False) -> Attention:
    """A window that is not smaller than the context bounds nothing."""
    if window <= 0 or window >= context:
        return layer
    return Attention(layer.kv_heads, layer.key_dim, layer.value_dim, window=window, chunked=chunked)


def context_of(fields: ConfigFields) -> int:
    return fields.positive("max_position_embeddings", "n_positions", "model_max_length", "max_sequence_length")


def grouped_query(fields: ConfigFields) -> Layers:
    """Every layer alike: Llama, Qwen3, GLM-4, ERNIE-4.5, MiniMax-M2, Seed-OSS ..."""
    return (full_layer(fields),) * layer_count(fields)


def all_windowed(fields: ConfigFields) -> Layers:
    """Mistral and Phi-3: `sliding_window`, where it is not null, holds for every layer."""
    window = fields.integer("sliding_window", default=0)
    return (windowed(full_layer(fields), window, context=context_of(fields)),) * layer_count(fields)


def late_windows(fields: ConfigFields) -> Layers:
    """Qwen2 and Qwen3: only with `use_sliding_window`, and only from layer `max_window_layers` on."""
    layers = grouped_query(fields)
    if not fields.flag("use_sliding_window", default=False):
        return layers
    window = windowed(full_layer(fields), fields.integer("sliding_window", default=4096), context=context_of(fields))
    first = fields.integer("max_window_layers", default=28)
    return tuple(window if number >= first else layer for number, layer in enumerate(layers))


def repeated(full_every: int, *, first_full: bool = False) -> Callable[[int], list[str]]:
    """`sliding` except in every n-th layer; MiMo begins with a full one besides."""

    def names(count: int) -> list[str]:
        return [
            "full_attention" if (number + 1) % full_every == 0 or (first_full and number == 0) else "sliding_attention"
            for number in range(count)
        ]

    return names


def mixed(default_types: Callable[[int], list[str]], default_window: int) -> Callable[[ConfigFields], Layers]:
    """Full and sliding layers side by side, as `layer_types` says: gpt-oss, Gemma 2 and 3, Step."""

    def read(fields: ConfigFields) -> Layers:
        return typed_layers(fields, types=layer_types(fields, default_types), default_window=default_window)

    return read


def layer_types(fields: ConfigFields, default: Callable[[int], list[str]] | None = None) -> list[str]:
    """One word per layer; a longer list names multi-token-prediction layers behind them (Step 3.5)."""
    listed = fields.words("layer_types") or fields.words("layers_block_type")
    if listed is None:
        if default is None:
            raise refuse(f"config.json of type `{fields.model_type}` has no `layer_types`.")
        return default(layer_count(fields))
    count = fields.positive("num_hidden_layers", default=len(listed))
    if len(listed) < count:
        raise refuse(f"config.json: `layer_types` names {len(listed)} of {count} layers.")
    return listed[:count]


def typed_layers(
    fields: ConfigFields, *, types: Sequence[str], default_window: int = 0, full: Attention | None = None
) -> Layers:
    """Raises BadRequest for a word that we were not taught."""
    plain = full_layer(fields)
    window = fields.integer("sliding_window", default=default_window)
    sliding = windowed(plain, window, context=context_of(fields))
    chunk = fields.integer("attention_chunk_size", default=8192)
    known: dict[str, LayerState] = {
        "full_attention": full or plain,
        "attention": full or plain,
        "sliding_attention": sliding,
        "chunked_attention": windowed(plain, chunk, context=context_of(fields), chunked=True),
    }
    return tuple(known_layer(known, word, fields) for word in types)


def known_layer(known: dict[str, LayerState], word: str, fields: ConfigFields) -> LayerState:
    if word not in known:
        raise refuse(f"config.json of type `{fields.model_type}`: a layer of the type `{word}` is not known to fit.")
    return known[word]


def chunked(fields: ConfigFields) -> Layers:
    """Llama 4: three layers of four attend within chunks; the fourth, without rotary positions, sees everything."""
    interval = fields.positive("no_rope_layer_interval", default=4)
    local = fields.numbers("no_rope_layers") or []

    def default(count: int) -> list[str]:
        bounded = local if len(local) == count else [int((number + 1) % interval != 0) for number in range(count)]
        return ["chunked_attention" if within else "full_attention" for within in bounded]

    return typed_layers(fields, types=layer_types(fields, default))


def gemma4(fields: ConfigFields) -> Layers:
    """Gemma 4: full layers have head sizes of their own; the last `num_kv_shared_layers` read earlier layers' cache."""
    full = Attention(
        kv_heads=fields.positive("num_global_key_value_heads", default=kv_heads(fields)),
        key_dim=fields.positive("global_head_dim", default=512),
        value_dim=fields.positive("global_head_dim", default=512),
    )
    types = layer_types(fields, repeated(6))
    layers = typed_layers(fields, types=types, default_window=512, full=full)
    return share_last(layers, fields.integer("num_kv_shared_layers", default=0))


def gemma3n(fields: ConfigFields) -> Layers:
    layers = typed_layers(fields, types=layer_types(fields, repeated(5)), default_window=512)
    return share_last(layers, fields.integer("num_kv_shared_layers", default=15))


def share_last(layers: Layers, count: int) -> Layers:
    if count <= 0:
        return layers
    return layers[:-count] + (Stateless("reads an earlier layer's keys and values"),) * count


def mimo(fields: ConfigFields) -> Layers:
    """MiMo-V2: sliding layers have KV heads of their own; `hybrid_layer_pattern` has 1 for a sliding layer."""
    pattern = fields.numbers("hybrid_layer_pattern")
    full = full_layer(fields)
    key = fields.positive("swa_head_dim", default=full.key_dim)
    value = fields.positive("swa_v_head_dim", default=full.value_dim)
    heads = fields.positive("swa_num_key_value_heads", default=full.kv_heads)
    window = fields.integer("sliding_window", "sliding_window_size", default=128)
    sliding = windowed(Attention(heads, key, value), window, context=context_of(fields))
    if pattern is not None:
        return tuple(sliding if bit else full for bit in pattern[: layer_count(fields)])
    types = layer_types(fields, repeated(6, first_full=True))
    known: dict[str, LayerState] = {"full_attention": full, "sliding_attention": sliding}
    return tuple(known_layer(known, word, fields) for word in types)


def latent(fields: ConfigFields) -> Layers:
    """MLA: DeepSeek V2 and V3, Kimi K2, GLM-4.7-Flash, Mistral 4. With an indexer: DeepSeek V3.2, GLM-5."""
    index = 0
    if fields.has("index_head_dim") or fields.has("index_topk"):
        index = fields.positive("index_head_dim", default=128) + INDEX_SCALE_BYTES
    layer = Latent(
        rank=fields.positive("kv_lora_rank"), rope_dim=fields.positive("qk_rope_head_dim"), index_bytes=index
    )
    return (layer,) * layer_count(fields)


def delta_net(state_bytes: int | None) -> Callable[[ConfigFields], Layers]:
    """Qwen3-Next and Qwen3.5: gated delta net, with full attention in every fourth layer.

    The recurrent state's precision is `mamba_ssm_dtype` of config.json; without it the caller's (None: the model's).
    """

    def read(fields: ConfigFields) -> Layers:
        key_heads = fields.positive("linear_num_key_heads")
        value_heads = fields.positive("linear_num_value_heads")
        key, value = fields.positive("linear_key_head_dim"), fields.positive("linear_value_head_dim")
        channels = 2 * key_heads * key + value_heads * value
        state = Recurrent(
            conv_elements=channels * (fields.positive("linear_conv_kernel_dim", default=4) - 1),
            state_elements=value_heads * value * key,
            state_element_bytes=state_precision(fields, state_bytes),
            heads=key_heads,
        )
        every = fields.positive("full_attention_interval", default=4)
        names = ["full_attention" if (n + 1) % every == 0 else "linear_attention" for n in range(layer_count(fields))]
        types = layer_types(fields, lambda _: names)
        known: dict[str, LayerState] = {"full_attention": full_layer(fields), "linear_attention": state}
        return tuple(known_layer(known, word, fields) for word in types)

    return read


def state_precision(fields: ConfigFields, default: int | None) -> int:
    named = fields.text("mamba_ssm_dtype") or fields.text("mamba_ssm_cache_dtype")
    if named:
        return FLOAT_BYTES.get(named, FP32_BYTES)
    return element_bytes(fields) if default is None else default


def mamba2_state(fields: ConfigFields, *, default: int | None) -> Recurrent:
    """The convolution's tail over inner + 2 x groups x state channels, and heads x head size x state."""
    heads = fields.positive("mamba_num_heads", "mamba_n_heads")
    inner = mamba_inner(fields, heads)
    groups = fields.positive("n_groups", "mamba_n_groups", default=1)
    states = fields.positive("ssm_state_size", "mamba_d_state")
    kernel = fields.positive("conv_kernel", "mamba_d_conv", default=4)
    return Recurrent(
        conv_elements=(inner + 2 * groups * states) * (kernel - 1),
        state_elements=inner * states,
        state_element_bytes=state_precision(fields, default),
        heads=heads,
        checkpoints=1,
    )


def mamba_inner(fields: ConfigFields, heads: int) -> int:
    """Granite writes `mamba_d_head: auto`, which is expand x hidden / heads."""
    if fields.has("mamba_head_dim"):
        return heads * fields.positive("mamba_head_dim")
    return fields.positive("mamba_expand", default=2) * fields.positive("hidden_size")


def nemotron(fields: ConfigFields) -> Layers:
    """Nemotron-H: `hybrid_override_pattern` has M for Mamba, * for attention, - for an MLP, E for experts."""
    words = {"M": "linear_attention", "*": "full_attention", "-": "mlp", "E": "moe"}
    pattern = fields.text("hybrid_override_pattern")
    known: dict[str, LayerState] = {
        "linear_attention": mamba2_state(fields, default=FP32_BYTES),
        "mamba": mamba2_state(fields, default=FP32_BYTES),
        "full_attention": full_layer(fields),
        "attention": full_layer(fields),
        "mlp": Stateless("an MLP alone"),
        "moe": Stateless("experts alone"),
    }
    types = [words.get(letter, letter) for letter in pattern] if pattern else layer_types(fields)
    return tuple(known_layer(known, word, fields) for word in types)


def granite_hybrid(fields: ConfigFields) -> Layers:
    state = mamba2_state(fields, default=None)
    known: dict[str, LayerState] = {
        "mamba": state,
        "linear_attention": state,
        "attention": full_layer(fields),
        "full_attention": full_layer(fields),
    }
    return tuple(known_layer(known, word, fields) for word in layer_types(fields))


def lightning(fields: ConfigFields) -> Layers:
    """MiniMax-Text-01: lightning attention keeps heads x head size squared (vLLM `linear_attention_state_shape`)."""
    size, heads = head_dim(fields), head_count(fields)
    state = Recurrent(conv_elements=0, state_elements=heads * size * size, state_element_bytes=FP32_BYTES, heads=heads)
    kinds = fields.numbers("attn_type_list")
    if kinds is not None:
        return tuple(full_layer(fields) if kind else state for kind in kinds[: layer_count(fields)])
    known: dict[str, LayerState] = {"linear_attention": state, "full_attention": full_layer(fields)}
    return tuple(known_layer(known, word, fields) for word in layer_types(fields))


def kimi_linear(fields: ConfigFields) -> Layers:
    """Kimi-Linear: Kimi delta attention in the layers that `linear_attn_config` lists from 1, MLA in the others."""
    linear = fields.part("linear_attn_config")
    heads, size = linear.positive("num_heads"), linear.positive("head_dim")
    state = Recurrent(
        conv_elements=3 * heads * size * (linear.positive("short_conv_kernel_size", default=4) - 1),
        state_elements=heads * size * size,
        state_element_bytes=FP32_BYTES,
        heads=heads,
    )
    recurrent = set(linear.numbers("kda_layers") or [])
    full = Latent(rank=fields.positive("kv_lora_rank"), rope_dim=fields.positive("qk_rope_head_dim"))
    return tuple(state if number + 1 in recurrent else full for number in range(layer_count(fields)))


def encoder(fields: ConfigFields) -> Layers:
    return (Stateless("an encoder reads a text once"),) * layer_count(fields)


def step(fields: ConfigFields) -> Layers:
    """Step 3.5 and 3.7: `layer_types`, with a few more words than layers for multi-token prediction."""
    return typed_layers(fields, types=layer_types(fields), default_window=512)
