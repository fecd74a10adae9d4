"""Shapes read from config.json: what each layer keeps, how many weights there are, and what is refused."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from appliance.base.errors import BadRequest
from model_catalog.fit.config import read_config, shape_of_config
from model_catalog.fit.shape import Attention, Latent, Recurrent, Stateless, describe, tensor_sizes
from tests.unit.model_catalog.fit.samples import ALL, FOLDER, NAMES, config, sample

SMALL = {
    "model_type": "llama",
    "hidden_size": 64,
    "intermediate_size": 160,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 128,
    "max_position_embeddings": 512,
}

COUNTED: list[dict[str, Any]] = json.loads((FOLDER.parent / "counted_models.json").read_text())["models"]

# Totals that the hub's model pages show, without vision and multi-token-prediction layers; written down as known, not
# fetched. `counted_models.json` is the check that was run.
PUBLISHED_PARAMETERS = {
    "llama-3.3-70b": 70_553_706_496,
    "llama-3.1-8b": 8_030_261_248,
    "qwen3-8b": 8_190_735_360,
    "qwen3-30b-a3b": 30_532_122_624,
    "qwen3-235b-a22b": 235_093_634_560,
    "deepseek-r1": 671_026_419_200,
    "gpt-oss-20b": 20_914_757_184,
    "gpt-oss-120b": 116_829_156_672,
    "ernie-4.5-21b-a3b": 21_825_437_888,
    "phi-4": 14_659_507_200,
    "deepseek-r1-distill-qwen-14b": 14_770_033_664,
}


def test_every_sample_says_where_it_comes_from() -> None:
    assert NAMES
    assert all(config(name)["_source"] for name in NAMES)


@pytest.mark.parametrize("name", ALL)
def test_every_sample_is_read(name: str) -> None:
    shape = sample(name)
    assert shape.architecture
    assert len(shape.layers) == sum(shape.groups.values())
    assert all(describe(layer, count).startswith(str(count)) for layer, count in shape.groups.items())
    assert 1 in tensor_sizes(shape)


@pytest.mark.parametrize(("name", "count"), PUBLISHED_PARAMETERS.items())
def test_parameters_are_counted_as_published(name: str, count: int) -> None:
    assert sample(name).parameters == pytest.approx(count, rel=1e-6)


def test_a_hybrids_weights_are_as_large_as_its_files() -> None:
    """58.82 GiB of files for NVIDIA-Nemotron-3-Nano-30B-A3B-BF16 (KAITO's model catalogue)."""
    assert sample("nemotron-3-nano-30b-a3b").parameters * 2 / 1024**3 == pytest.approx(58.82, abs=0.005)


@pytest.mark.parametrize("model", COUNTED, ids=[str(model["model_type"]) for model in COUNTED])
def test_parameters_are_counted_as_transformers_builds_them(model: dict[str, Any]) -> None:
    """Small models of every type, built by transformers itself; see `_source` in the sample."""
    shape = shape_of_config({**model["config"], "model_type": model["model_type"]})
    assert shape.parameters == model["parameters"] + model["bias_buffers"]


def kinds(name: str) -> Counter[type]:
    return Counter(type(layer) for layer in sample(name).layers)


def test_kinds_of_layers() -> None:
    assert kinds("deepseek-v3.2") == {Latent: 61}
    assert kinds("qwen3.5-397b-a17b") == {Recurrent: 45, Attention: 15}
    assert kinds("nemotron-3-nano-30b-a3b") == {Recurrent: 23, Attention: 6, Stateless: 23}
    assert kinds("granite-4.0-h-small") == {Recurrent: 36, Attention: 4}
    assert kinds("bge-m3") == {Stateless: 24}
    assert not sample("bge-m3").generates


def windows(name: str) -> Counter[int | None]:
    return Counter(layer.window for layer in sample(name).layers if isinstance(layer, Attention))


def test_windows() -> None:
    assert windows("gemma-3-27b") == {1024: 52, None: 10}
    assert windows("gpt-oss-120b") == {128: 18, None: 18}
    assert windows("llama-4-scout") == {8192: 36, None: 12}
    assert windows("step-3.7-flash-fp8") == {512: 33, None: 12}
    assert windows("mimo-v2-flash") == {128: 39, None: 9}
    assert windows("mistral-7b-v0.1") == {4096: 32}
    assert windows("qwen3-8b") == {None: 36}


def test_a_window_as_long_as_the_context_is_none() -> None:
    shape = shape_of_config({**SMALL, "model_type": "mistral", "sliding_window": 512})
    assert windows_of(shape.layers) == {None}


def windows_of(layers: tuple[object, ...]) -> set[int | None]:
    return {layer.window for layer in layers if isinstance(layer, Attention)}


def test_qwen2_uses_its_window_only_when_told_and_only_in_late_layers() -> None:
    asked = {**SMALL, "model_type": "qwen2", "sliding_window": 64, "max_window_layers": 2}
    assert windows_of(shape_of_config(asked).layers) == {None}
    late = shape_of_config({**asked, "use_sliding_window": True})
    assert [layer.window for layer in late.layers if isinstance(layer, Attention)] == [None, None, 64]


def test_gemma_3n_shares_the_last_layers_cache() -> None:
    text = {**SMALL, "model_type": "gemma3n_text", "num_hidden_layers": 10, "num_kv_shared_layers": 4}
    shape = shape_of_config({"model_type": "gemma3n", "text_config": text})
    assert [isinstance(layer, Stateless) for layer in shape.layers] == [False] * 6 + [True] * 4


def test_kimi_linear_counts_its_layers_from_one() -> None:
    linear = {
        "num_heads": 4,
        "head_dim": 16,
        "short_conv_kernel_size": 4,
        "kda_layers": [1, 2],
        "full_attn_layers": [3],
    }
    mla = {"kv_lora_rank": 32, "qk_rope_head_dim": 8}
    shape = shape_of_config({**SMALL, **mla, "model_type": "kimi_linear", "linear_attn_config": linear})
    assert [type(layer) for layer in shape.layers] == [Recurrent, Recurrent, Latent]


def test_lightning_attention_keeps_a_square_per_head() -> None:
    shape = shape_of_config({**SMALL, "model_type": "minimax", "attn_type_list": [0, 0, 1]})
    state = shape.layers[0]
    assert isinstance(state, Recurrent)
    assert state.state_elements == 4 * 16 * 16
    assert isinstance(shape.layers[2], Attention)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model_type": "deepseek_v4"}, "does not know how a model of the type `deepseek_v4`"),
        ({"model_type": ""}, "none given"),
        ({"num_hidden_layers": None}, "does not say `num_hidden_layers`"),
        ({"num_hidden_layers": "three"}, "not a count"),
        ({"vocab_size": 0}, "`vocab_size` is 0"),
        ({"torch_dtype": "int3"}, "precision `int3`"),
        ({"model_type": "gpt_oss", "layer_types": ["full_attention", "retention", "x"]}, "type `retention`"),
        ({"model_type": "gemma2", "layer_types": ["full_attention"]}, "names 1 of 3 layers"),
        ({"model_type": "step3p7"}, "has no `layer_types`"),
        ({"model_type": "deepseek_v3"}, "does not say `kv_lora_rank`"),
    ],
)
def test_what_is_unknown_is_refused_with_a_sentence(changes: dict[str, object], words: str) -> None:
    with pytest.raises(BadRequest, match=words):
        shape_of_config({**SMALL, **changes})


def test_a_folder_is_read(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(SMALL))
    assert read_config(tmp_path).hidden_size == 64
    with pytest.raises(BadRequest, match="cannot be read"):
        read_config(tmp_path / "nothing")
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(BadRequest, match="no JSON object"):
        read_config(tmp_path)


def test_tensor_parallel_sizes_divide_heads() -> None:
    assert tensor_sizes(sample("ernie-4.5-21b-a3b"), most=8) == (1, 2, 4)
    assert tensor_sizes(sample("qwen3-235b-a22b"), most=8) == (1, 2, 4, 8)
    assert tensor_sizes(sample("qwen3.6-27b"), most=32) == (1, 2, 4, 8)
