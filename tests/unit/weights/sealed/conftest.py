"""A small model of two shards, sealed with small chunks so that there are many."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file  # pyright: ignore[reportUnknownVariableType]

from tests.unit.weights.sealed.sealed_model import CHUNK_BYTES, DEK, SealedModel, seal_small


@pytest.fixture
def plain_folder(tmp_path: Path) -> Path:
    """Each shard with the same sizes, so that their files can be taken for each other."""
    folder = tmp_path / "plain"
    folder.mkdir()
    noise = np.random.default_rng(7)
    for shard in (1, 2):
        tensors = {
            f"layer{shard}.big": noise.standard_normal(5 * CHUNK_BYTES // 4, dtype=np.float32),
            f"layer{shard}.norm": noise.standard_normal(33, dtype=np.float32),
        }
        save_file(tensors, folder / f"model-0000{shard}-of-00002.safetensors")
    (folder / "config.json").write_text(json.dumps({"architectures": ["LlamaForCausalLM"]}))
    (folder / "tokenizer.json").write_text("{}")
    index = {"weight_map": {"layer1.big": "model-00001-of-00002.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder


@pytest.fixture
def model(plain_folder: Path, tmp_path: Path) -> SealedModel:
    return seal_small(plain_folder, tmp_path / "sealed", dek=DEK)
