"""A model of a megabyte, served by a mirror that may misbehave."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file  # pyright: ignore[reportUnknownVariableType]

from appliance.weights.store import WeightStore

WEIGHT_BYTES = 1024 * 1024


@pytest.fixture
def model_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    random = np.random.default_rng(3)
    save_file({"w": random.integers(0, 256, WEIGHT_BYTES, dtype=np.uint8)}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({"max_position_embeddings": 1234}))
    (folder / "tokenizer.json").write_text("{}")
    return folder


@pytest.fixture
def store(tmp_path: Path) -> WeightStore:
    return WeightStore(tmp_path / "weights")
