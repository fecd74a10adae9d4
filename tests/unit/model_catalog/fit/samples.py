"""Excerpts of published config.json files; each says in `_source` where it is published or how it was made."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from model_catalog.fit.config import shape_of_config
from model_catalog.fit.known_models import find_model, fitted_names
from model_catalog.fit.shape import ModelShape

FOLDER = Path(__file__).resolve().parents[3] / "samples" / "configs"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))


def config(name: str) -> dict[str, Any]:
    return json.loads((FOLDER / f"{name}.json").read_text())


@cache
def sample(name: str) -> ModelShape:
    """A sample, else a shape of the catalogue."""
    return shape_of_config(config(name)) if name in NAMES else find_model(name).shape


ALL = sorted({*NAMES, *fitted_names()})
