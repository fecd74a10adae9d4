"""The shape of a catalogue entry: from its `config`, read as a config.json, or from its `architecture`'s figures."""

from dataclasses import replace

from appliance.base.errors import BadRequest
from model_catalog.fit.config import shape_of_config
from model_catalog.fit.quantization import find_quantization
from model_catalog.fit.shape import Attention, Latent, LayerState, ModelShape, Recurrent, Stateless
from model_catalog.fit.weights import Weights, counted, from_figure
from model_catalog.schema import Architecture, CatalogueEntry, Figure, Variant
from model_catalog.vocabulary import QuantizationForm


def shape_of_entry(entry: CatalogueEntry) -> ModelShape:
    """Raises BadRequest that says why there is none, or names the figure which the entry lacks."""
    if entry.context is None or entry.no_shape is not None:
        raise BadRequest(
            f"Fit knows no shape of `{entry.name}`: {entry.no_shape}.",
            hint="Bring its files and give their folder; its weights alone can be reckoned with.",
            code="unknown_model_shape",
        )
    context = int(entry.context.value)
    if entry.config is not None:
        return replace(shape_of_config(entry.config.values), context=context)
    return shape_of_architecture(entry, architecture_of(entry), context)


def shape_of_architecture(entry: CatalogueEntry, arch: Architecture, context: int) -> ModelShape:
    """Layers of one kind are spread evenly."""
    count = needed(entry, "num_hidden_layers", arch.num_hidden_layers)
    return ModelShape(
        architecture=arch.name,
        layers=layers_of(entry, count),
        attention_heads=needed(entry, "num_attention_heads", arch.num_attention_heads),
        hidden_size=needed(entry, "hidden_size", arch.hidden_size),
        vocab_size=needed(entry, "vocab_size", arch.vocab_size),
        context=context,
        experts=given(arch.num_experts),
    )


def architecture_of(entry: CatalogueEntry) -> Architecture:
    if entry.architecture is None:
        raise BadRequest(f"The catalogue entry `{entry.name}` has no architecture.")
    return entry.architecture


def weights_of_variant(entry: CatalogueEntry, shape: ModelShape, variant: Variant) -> Weights | None:
    """By its figure, divided as counted where that makes the same total; None where nobody says its size."""
    figure = variant.weight_bytes
    if figure is None:
        return None
    size = int(figure.value)
    count = count_of_variant(shape, variant)
    if count is not None and count.size_bytes == size:
        return replace(count, name=variant.name, engine=variant.engine)
    source = f"weight_bytes of `{entry.name}` ({figure.evidence}: {figure.source})"
    return replace(from_figure(shape, size, name=variant.name, source=source), engine=variant.engine)


def count_of_variant(shape: ModelShape, variant: Variant) -> Weights | None:
    """What is counted from the config; None where it cannot be, or not in this form."""
    if not shape.weights:
        return None
    if variant.quantization is None:
        return counted(shape)
    try:
        return counted(shape, find_quantization(FORMS.get(variant.quantization, variant.quantization)))
    except BadRequest:
        return None


FORMS = {QuantizationForm.AWQ: "int4", QuantizationForm.GPTQ: "int4"}
"""Four bits in groups of 128, as far as bytes go."""


def layers_of(entry: CatalogueEntry, count: int) -> tuple[LayerState, ...]:
    arch = architecture_of(entry)
    if arch.encoder_only:
        return (Stateless("an encoder reads a text once"),) * count
    kinds: list[tuple[LayerState, int]] = []
    if arch.sliding_window_layers is not None:
        kinds.append((sliding_layer(entry), given(arch.sliding_window_layers)))
    if arch.recurrent_layers is not None:
        kinds.append((recurrent_layer(entry), given(arch.recurrent_layers)))
    if arch.stateless_layers is not None:
        kinds.append((Stateless("keeps no cache of its own"), given(arch.stateless_layers)))
    full = count - sum(number for _, number in kinds)
    if full < 0:
        raise BadRequest(f"`{entry.name}` has {count} layers, but its kinds of layers add up to more.")
    if full:
        kinds.append((full_layer(entry), full))
    return spread(kinds)


def spread(kinds: list[tuple[LayerState, int]]) -> tuple[LayerState, ...]:
    """Interleaved by their shares, so that the stages of a pipeline are alike."""
    placed = [((number + 0.5) / count, layer) for layer, count in kinds for number in range(count)]
    return tuple(layer for _, layer in sorted(placed, key=lambda pair: pair[0]))


def full_layer(entry: CatalogueEntry) -> LayerState:
    arch = architecture_of(entry)
    if arch.kv_lora_rank is not None:
        return Latent(
            rank=given(arch.kv_lora_rank),
            rope_dim=needed(entry, "qk_rope_head_dim", arch.qk_rope_head_dim),
            index_bytes=given(arch.index_bytes_per_token),
        )
    size = key_size(entry, arch)
    return Attention(
        kv_heads=needed(entry, "num_key_value_heads", arch.num_key_value_heads),
        key_dim=size,
        value_dim=given(arch.v_head_dim) or size,
    )


def sliding_layer(entry: CatalogueEntry) -> LayerState:
    arch = architecture_of(entry)
    size = given(arch.sliding_head_dim) or key_size(entry, arch)
    value = size if arch.sliding_head_dim is not None else given(arch.v_head_dim) or size
    heads = given(arch.sliding_num_key_value_heads) or needed(entry, "num_key_value_heads", arch.num_key_value_heads)
    return Attention(heads, size, value, window=needed(entry, "sliding_window", arch.sliding_window))


def recurrent_layer(entry: CatalogueEntry) -> LayerState:
    """The entry gives bytes, so one element of the state is one byte."""
    arch = architecture_of(entry)
    return Recurrent(
        conv_elements=0,
        state_elements=needed(entry, "recurrent_state_bytes", arch.recurrent_state_bytes),
        state_element_bytes=1,
        heads=given(arch.recurrent_heads) or needed(entry, "num_attention_heads", arch.num_attention_heads),
    )


def key_size(entry: CatalogueEntry, arch: Architecture) -> int:
    if arch.head_dim is not None:
        return given(arch.head_dim)
    heads = needed(entry, "num_attention_heads", arch.num_attention_heads)
    return needed(entry, "hidden_size", arch.hidden_size) // heads


def given(figure: Figure | None) -> int:
    return 0 if figure is None else int(figure.value)


def needed(entry: CatalogueEntry, field: str, figure: Figure | None) -> int:
    if figure is None:
        raise BadRequest(
            f"The catalogue entry `{entry.name}` does not give `{field}`.", hint="Add the figure to its architecture."
        )
    return int(figure.value)
