"""The committed weights are the ones the manifest describes, within the limits, and made by the committed recipe."""

import hashlib
import json
import math
import struct
from pathlib import Path
from typing import Any

import pytest

from model_catalog.bundled import SAILS_GUIDE, WEIGHTS
from model_catalog.bundled.weights import MOST_BYTES, MOST_PARAMETERS, load_manifest

NEEDED = {
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
}


def _json(name: str) -> dict[str, Any]:
    return json.loads((WEIGHTS / name).read_text())


def _tensor_shapes(path: Path) -> list[list[int]]:
    """Shapes from the header: https://github.com/huggingface/safetensors#format"""
    with path.open("rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(size))
    return [tensor["shape"] for name, tensor in header.items() if name != "__metadata__"]


def test_the_files_are_the_ones_of_the_manifest() -> None:
    manifest = load_manifest()
    assert set(manifest.files) == {path.name for path in WEIGHTS.iterdir()}
    assert set(manifest.files) >= NEEDED


@pytest.mark.parametrize("name", sorted(NEEDED))
def test_size_and_digest_match_the_manifest(name: str) -> None:
    content = (WEIGHTS / name).read_bytes()
    record = load_manifest().files[name]
    assert (len(content), hashlib.sha256(content).hexdigest()) == (record.size_bytes, record.sha256)


def test_the_model_keeps_within_its_limits() -> None:
    shapes = _tensor_shapes(WEIGHTS / "model.safetensors")
    assert sum(math.prod(shape) for shape in shapes) == load_manifest().parameters <= MOST_PARAMETERS
    assert sum(path.stat().st_size for path in WEIGHTS.iterdir()) <= MOST_BYTES


def test_the_recipe_is_the_one_that_made_the_weights() -> None:
    digest = hashlib.sha256((SAILS_GUIDE / "recipe.yaml").read_bytes()).hexdigest()
    assert load_manifest().recipe_sha256 == digest


def test_it_is_a_llama_that_stops_and_answers_greedily() -> None:
    config, generation, tokenizer = _json("config.json"), _json("generation_config.json"), _json("tokenizer.json")
    assert config["architectures"] == ["LlamaForCausalLM"]
    ids = {token["content"]: token["id"] for token in tokenizer["added_tokens"]}
    assert generation["eos_token_id"] == config["eos_token_id"] == ids["<|end|>"]
    assert generation["temperature"] == 0.0


def test_the_tokenizer_falls_back_to_bytes() -> None:
    model = _json("tokenizer.json")["model"]
    assert model["byte_fallback"] is True
    assert {f"<0x{value:02X}>" for value in range(256)} <= set(model["vocab"])
