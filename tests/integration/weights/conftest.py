"""A small model and an empty store; a box that has a model, a box that is to get it, and a registry between them."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file  # pyright: ignore[reportUnknownVariableType]

from appliance.weights.store import WeightStore
from tests.fixtures.oci_registry import OciRegistry, running_registry
from tests.fixtures.two_boxes import Box, trusting, write_model

WEIGHT_BYTES = 1024 * 1024


@pytest.fixture
def model_folder(tmp_path: Path) -> Path:
    """Of a megabyte."""
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


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Box:
    folder = tmp_path_factory.mktemp("here")
    box = Box(folder / "home")
    box.store.publish(write_model(folder / "model"))
    return box


@pytest.fixture
def version(here: Box) -> str:
    return here.store.versions()[0]


@pytest.fixture
def there(tmp_path: Path, here: Box) -> Box:
    return trusting(Box(tmp_path / "there"), other=here)


@pytest.fixture
def registry() -> Iterator[OciRegistry]:
    with running_registry() as running:
        yield running
