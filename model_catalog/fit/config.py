"""From a Hugging Face config.json to a ModelShape. A model type that is not listed here is refused, never guessed."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, cast

from appliance.base.errors import BadRequest
from model_catalog.fit import layers_of_config as layers
from model_catalog.fit import parts_of_config as parts
from model_catalog.fit.config_fields import ConfigFields, refuse
from model_catalog.fit.counting import expert_count
from model_catalog.fit.shape import LayerState, ModelShape


class Reader(NamedTuple):
    """How one model type is read; `weights` is None where the weights must come from the files or a figure."""

    layers: Callable[[ConfigFields], tuple[LayerState, ...]]
    weights: parts.Counter | None = None


LLAMA = Reader(layers.grouped_query, parts.dense_model())
QWEN2 = Reader(layers.late_windows, parts.dense_model(bias=True))
QWEN3 = Reader(layers.late_windows, parts.dense_model(qk_norm=True))
QWEN3_MOE = Reader(layers.late_windows, parts.expert_model(qk_norm=True))
MISTRAL = Reader(layers.all_windowed, parts.dense_model())
MLA_MOE = Reader(layers.latent, parts.expert_model(gate_bias=True))
ERNIE_MOE = Reader(layers.grouped_query, parts.expert_model(gate_bias=True, tied=True))
GEMMA3 = Reader(layers.mixed(layers.repeated(6), 4096), parts.dense_model(qk_norm=True, norms=4, tied=True))
QWEN35 = Reader(layers.delta_net(layers.FP32_BYTES), parts.delta_model(sparse=False))
QWEN35_MOE = Reader(layers.delta_net(layers.FP32_BYTES), parts.delta_model(sparse=True))
STEP = Reader(layers.step)
BERT = Reader(layers.encoder, parts.bert)

READERS: dict[str, Reader] = {
    "llama": LLAMA,
    "seed_oss": Reader(layers.grouped_query, parts.dense_model(bias=True)),
    "granite": LLAMA,
    "ernie4_5": Reader(layers.grouped_query, parts.dense_model(tied=True)),
    "glm4": Reader(layers.grouped_query, parts.dense_model(bias=True, norms=4)),
    "mistral": MISTRAL,
    "ministral3": MISTRAL,
    "mistral3": MISTRAL,
    "phi": Reader(layers.grouped_query, parts.phi),
    "phi3": MISTRAL,
    "mixtral": Reader(layers.all_windowed, parts.expert_model()),
    "qwen2": QWEN2,
    "qwen2_5_vl": QWEN2,
    "qwen2_5_vl_text": QWEN2,
    "qwen3": QWEN3,
    "qwen3_vl": QWEN3,
    "qwen3_vl_text": QWEN3,
    "qwen3_moe": QWEN3_MOE,
    "qwen3_vl_moe": QWEN3_MOE,
    "qwen3_vl_moe_text": QWEN3_MOE,
    "qwen3_next": Reader(layers.delta_net(None), parts.delta_model(sparse=True)),
    "qwen3_5": QWEN35,
    "qwen3_5_text": QWEN35,
    "qwen3_5_moe": QWEN35_MOE,
    "qwen3_5_moe_text": QWEN35_MOE,
    "deepseek_v2": Reader(layers.latent, parts.expert_model()),
    "deepseek_v3": MLA_MOE,
    "deepseek_v32": MLA_MOE,
    "glm_moe_dsa": MLA_MOE,
    "glm4_moe_lite": MLA_MOE,
    "kimi_k2": MLA_MOE,
    "kimi_k25": MLA_MOE,
    "mistral4": Reader(layers.latent, parts.expert_model()),
    "kimi_linear": Reader(layers.kimi_linear),
    "glm4_moe": Reader(layers.grouped_query, parts.expert_model(gate_bias=True)),
    "glm4v_moe": Reader(layers.grouped_query, parts.expert_model(gate_bias=True)),
    "glm4v_moe_text": Reader(layers.grouped_query, parts.expert_model(gate_bias=True)),
    "ernie4_5_moe": ERNIE_MOE,
    "ernie4_5_moe_vl": Reader(layers.grouped_query),
    "ernie4_5_vl_moe": Reader(layers.grouped_query),
    "gpt_oss": Reader(layers.mixed(layers.repeated(2), 128), parts.gpt_oss),
    "gemma2": Reader(layers.mixed(layers.repeated(2), 4096), parts.dense_model(norms=4, tied=True)),
    "gemma3": GEMMA3,
    "gemma3_text": GEMMA3,
    "gemma3n": Reader(layers.gemma3n),
    "gemma3n_text": Reader(layers.gemma3n),
    "gemma4": Reader(layers.gemma4),
    "gemma4_text": Reader(layers.gemma4),
    "gemma4_unified": Reader(layers.gemma4),
    "llama4": Reader(layers.chunked, parts.llama4),
    "llama4_text": Reader(layers.chunked, parts.llama4),
    "minimax": Reader(layers.lightning),
    "minimax_text_01": Reader(layers.lightning),
    "minimax_m2": Reader(layers.grouped_query, parts.minimax_m2),
    "nemotron_h": Reader(layers.nemotron, parts.nemotron),
    "granitemoehybrid": Reader(layers.granite_hybrid, parts.granite_hybrid),
    "step3p5": STEP,
    "step3p7": STEP,
    "mimo_v2_flash": Reader(layers.mimo),
    "bert": BERT,
    "roberta": BERT,
    "xlm-roberta": BERT,
}


def shape_of_config(config: Mapping[str, object]) -> ModelShape:
    """Raises BadRequest, with a sentence, for a model type or a layer type that fit was not taught."""
    fields = ConfigFields(config)
    reader = READERS.get(fields.model_type)
    if reader is None:
        raise refuse(
            f"Fit does not know how a model of the type `{fields.model_type or 'none given'}` keeps its state.",
            hint=f"Known types: {', '.join(sorted(READERS))}.",
        )
    kept = reader.layers(fields)
    return ModelShape(
        architecture=fields.architecture,
        layers=kept,
        attention_heads=layers.head_count(fields),
        hidden_size=fields.positive("hidden_size", "n_embd"),
        vocab_size=fields.positive("vocab_size"),
        context=layers.context_of(fields),
        element_bytes=layers.element_bytes(fields),
        experts=expert_count(fields),
        weights=reader.weights(fields, kept) if reader.weights is not None else (),
        notes=notes_on(fields, counted=reader.weights is not None),
    )


def notes_on(fields: ConfigFields, *, counted: bool) -> tuple[str, ...]:
    found: list[str] = []
    if fields.has("vision_config"):
        found.append("The vision part is in the files but not in a count from config.json.")
    if fields.integer("num_nextn_predict_layers", "mtp_num_hidden_layers", default=0):
        found.append("Multi-token-prediction layers are in the files; an engine loads them only to speculate.")
    if not counted:
        found.append(
            f"Weights of the type `{fields.model_type}` are not counted; take them from the files or a figure."
        )
    return tuple(found)


def read_config(folder: Path) -> ModelShape:
    """The shape of the model whose files lie in `folder`; raises BadRequest where there is no readable config.json."""
    path = folder / "config.json"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadRequest(
            f"{path} cannot be read: {error}.", hint="Give a folder with a model's config.json."
        ) from error
    if not isinstance(document, dict):
        raise BadRequest(f"{path} holds no JSON object.", hint="Give a folder with a model's config.json.")
    return shape_of_config(cast("dict[str, object]", document))
