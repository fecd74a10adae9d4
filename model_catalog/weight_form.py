"""In which form weights lie in a folder, as far as it decides which engine can run them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from model_catalog.vocabulary import QuantizationForm

FORMS = frozenset(form.value for form in QuantizationForm)


@dataclass(frozen=True)
class WeightForm:
    """`architecture`: the first that config.json names; `quantization`: its method, where the catalogue has that word;
    `engine`: the only one that reads it, where the catalogue says so.

    https://huggingface.co/docs/transformers/main_classes/configuration, `architectures` and `quantization_config`.
    """

    format: Literal["safetensors", "gguf"]
    architecture: str | None = None
    quantization: str | None = None
    engine: str | None = None


def form_of_folder(folder: Path) -> WeightForm:
    """What cannot be read is not known. A GGUF file says itself how it is quantized, and llama.cpp reads every way."""
    config = config_of(folder)
    architectures, quantized = config.get("architectures"), config.get("quantization_config")
    first = cast("list[object]", architectures)[0] if isinstance(architectures, list) and architectures else None
    method = cast("dict[str, object]", quantized).get("quant_method") if isinstance(quantized, dict) else None
    return WeightForm(
        format="gguf" if any(folder.glob("*.gguf")) else "safetensors",
        architecture=first if isinstance(first, str) else None,
        quantization=method if isinstance(method, str) and method in FORMS else None,
    )


def config_of(folder: Path) -> dict[str, object]:
    try:
        document: object = json.loads((folder / "config.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return cast("dict[str, object]", document) if isinstance(document, dict) else {}
