"""Weight bytes: exact from files, by a figure, counted; and how they divide over cards."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.base.errors import BadRequest
from model_catalog.bundled import SAILS_GUIDE
from model_catalog.fit.known_models import find_model
from model_catalog.fit.layout import stages
from model_catalog.fit.quantization import find_quantization, table
from model_catalog.fit.weights import counted, from_figure, from_folder
from tests.unit.model_catalog.fit.samples import ALL, sample

GIB = 1024**3
COUNTABLE = [name for name in ALL if sample(name).weights]


def test_the_bundled_model_is_exact_by_its_header_and_by_its_config() -> None:
    folder = SAILS_GUIDE / "weights"
    exact = from_folder(folder)
    assert exact.size_bytes == 3_196_672 * 2
    assert find_model(str(folder)).shape.parameters == 3_196_672


def save_file(sizes: dict[str, int], path: Path) -> None:
    """A safetensors file of fp16 tensors with that many elements each: a header and zeros."""
    header: dict[str, object] = {}
    end = 0
    for name, count in sizes.items():
        header[name] = {"dtype": "F16", "shape": [count], "data_offsets": [end, end + 2 * count]}
        end += 2 * count
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(end))


def test_files_that_the_index_does_not_name_are_left_out(tmp_path: Path) -> None:
    save_file({"model.embed_tokens.weight": 16}, tmp_path / "one.safetensors")
    save_file({"duplicate": 1600}, tmp_path / "other.safetensors")
    assert from_folder(tmp_path).size_bytes == 16 * 2 + 1600 * 2
    index = {"weight_map": {"model.embed_tokens.weight": "one.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    assert from_folder(tmp_path).size_bytes == 16 * 2


def test_a_folder_without_weights_and_a_broken_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="no safetensors"):
        from_folder(tmp_path)
    (tmp_path / "broken.safetensors").write_bytes(b"\xff" * 16)
    with pytest.raises(BadRequest, match="no safetensors file"):
        from_folder(tmp_path)


def test_tensors_are_sorted_by_how_they_divide(tmp_path: Path) -> None:
    tensors = {
        "model.embed_tokens.weight": 1000,
        "model.layers.0.input_layernorm.weight": 100,
        "model.layers.0.self_attn.k_proj.weight": 400,
        "model.layers.0.mlp.up_proj.weight": 4000,
        "lm_head.weight": 1000,
    }
    save_file(tensors, tmp_path / "model.safetensors")
    config = {
        "model_type": "llama",
        "hidden_size": 64,
        "intermediate_size": 64,
        "num_hidden_layers": 1,
        "num_attention_heads": 8,
        "num_key_value_heads": 2,
        "vocab_size": 64,
        "max_position_embeddings": 64,
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    weights = find_model(str(tmp_path)).weights()
    assert weights.on_card(tensor=4) == 2 * (1000 // 4 * 2 + 100 + 400 // 2 + 4000 // 4)


@pytest.mark.parametrize(
    ("name", "form", "tensor", "gib"),
    [
        ("qwen3-30b-a3b", None, 4, 14.2474),  # vllm-project/vllm issue 17469: 14.2474 GiB per worker, vLLM 0.8.5
        ("deepseek-r1-distill-qwen-14b", None, 2, 13.9476),  # issue 13061
        ("qwen2.5-vl-72b", "bf16", 4, 34.43),  # issue 16570
    ],
)
def test_weights_per_card_as_engines_logged_them(name: str, form: str | None, tensor: int, gib: float) -> None:
    """Engines hold up to 1.5 % more than the files, which `weight_factor` covers."""
    ours = find_model(name).weights(form).on_card(tensor=tensor) / GIB
    assert ours <= gib <= ours * 1.02


@given(name=st.sampled_from(COUNTABLE), size=st.sampled_from([1, 2, 4, 8]))
def test_cards_together_hold_the_whole_and_the_copies(name: str, size: int) -> None:
    weights = counted(sample(name))
    share = weights.on_card(tensor=size)
    copies = sum(part.size_bytes for part in weights.shares if part.most_shards < size)
    assert share * size >= weights.size_bytes
    assert share * size <= weights.size_bytes + copies * size + size * len(weights.shares)


@given(name=st.sampled_from(COUNTABLE), pipeline=st.integers(1, 8))
def test_a_pipelines_stages_hold_the_whole(name: str, pipeline: int) -> None:
    shape = sample(name)
    weights = counted(shape)
    cut = stages(shape, pipeline)
    assert sum(len(stage.layers) for stage in cut) == len(shape.layers)
    held = sum(
        weights.on_card(tensor=1, stage=len(stage.layers) / len(shape.layers), first=stage.first, last=stage.last)
        for stage in cut
    )
    assert weights.size_bytes <= held <= weights.size_bytes + pipeline * len(weights.shares)


@pytest.mark.parametrize("name", sorted(table()))
def test_a_quantization_never_weighs_more_than_the_model(name: str) -> None:
    shape = sample("qwen3-8b")
    whole = counted(shape).size_bytes
    assert counted(shape, find_quantization(name)).size_bytes <= max(
        whole, whole * find_quantization("fp32").bytes_per_weight / 2
    )


def test_quantizers_leave_embeddings_heads_and_routers() -> None:
    shape = sample("gpt-oss-120b")
    left = sum(part.parameters for part in shape.weights if not part.quantizable)
    fp8 = counted(shape, find_quantization("fp8")).size_bytes
    assert fp8 == pytest.approx(left * 2 + (shape.parameters - left) * (1 + 4 / 128**2), rel=1e-6)


def test_published_sizes_of_quantized_files() -> None:
    """Qwen3-235B-A22B-FP8: about 219 GiB of files; DeepSeek-V3's fp8 files hold 14 B of MTP that is not counted."""
    assert find_model("qwen3-235b-a22b").weights("fp8").size_bytes / GIB == pytest.approx(219, rel=0.01)
    assert counted(sample("deepseek-r1"), find_quantization("fp8")).size_bytes / GIB == pytest.approx(
        641.3 - 13, rel=0.01
    )


def test_a_figure_smaller_than_what_is_counted_as_copied_is_one_part() -> None:
    weights = from_figure(sample("qwen3-8b"), 1000, name="tiny", source="test")
    assert weights.size_bytes == 1000
    assert weights.on_card(tensor=2) == 500


def test_what_cannot_be_counted_or_is_no_quantization_is_refused() -> None:
    with pytest.raises(BadRequest, match="cannot be counted"):
        find_model("gemma-4-31b").weights("fp8")
    with pytest.raises(BadRequest, match="quantization `int3`"):
        find_model("qwen3-8b").weights("int3")
