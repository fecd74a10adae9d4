"""The form of weights in a folder, from its files alone."""

import json
from pathlib import Path

import pytest

from model_catalog.bundled import WEIGHTS
from model_catalog.weight_form import WeightForm, form_of_folder


def test_the_bundled_model() -> None:
    assert form_of_folder(WEIGHTS) == WeightForm("safetensors", "LlamaForCausalLM")


def test_quantized_weights_and_gguf(tmp_path: Path) -> None:
    config = {"architectures": ["Qwen3ForCausalLM"], "quantization_config": {"quant_method": "awq"}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert form_of_folder(tmp_path) == WeightForm("safetensors", "Qwen3ForCausalLM", "awq")
    (tmp_path / "model.gguf").touch()
    assert form_of_folder(tmp_path).format == "gguf"


@pytest.mark.parametrize("text", ["", "[]", "{", '{"architectures": [], "quantization_config": 1}'])
def test_what_cannot_be_read_is_not_known(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    assert form_of_folder(tmp_path) == WeightForm("safetensors")


def test_a_method_that_the_catalogue_does_not_know_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"quantization_config": {"quant_method": "of-next-year"}}')
    assert form_of_folder(tmp_path).quantization is None
