"""Finding a model by name: a catalogue entry, a shape of `shapes.yaml`, or a folder with its files."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import Field, TypeAdapter, ValidationError

from appliance.base.errors import BadRequest, NotFound
from model_catalog.catalogue import load_catalogue, read_yaml, wrong
from model_catalog.fit.config import read_config, shape_of_config
from model_catalog.fit.entry import shape_of_entry, weights_of_variant
from model_catalog.fit.quantization import find_quantization
from model_catalog.fit.shape import Attention, ModelShape
from model_catalog.fit.weights import Weights, counted, from_figure, from_folder, limit_kv_shards
from model_catalog.schema import CatalogueEntry, Figure, Strict

SHAPES_FILE = Path(__file__).with_name("shapes.yaml")


class NamedShape(Strict):
    """`config`: the part of config.json that fit reads. `weights`: totals by variant, where counting cannot know."""

    name: str
    huggingface: str
    config: dict[str, Any]
    source: str
    weights: dict[str, Figure] = Field(default_factory=dict)


@dataclass(frozen=True)
class KnownModel:
    """`variants`: forms of the weights whose size is known; the first one is meant when none is named."""

    name: str
    shape: ModelShape
    variants: Mapping[str, Weights]
    source: str

    def weights(self, variant: str | None = None) -> Weights:
        """A known form by its name, else counted for that quantization; raises BadRequest where neither is possible."""
        if variant is None:
            return next(iter(self.variants.values())) if self.variants else counted(self.shape)
        if variant in self.variants:
            return self.variants[variant]
        return counted(self.shape, find_quantization(variant))


ROWS: TypeAdapter[tuple[NamedShape, ...]] = TypeAdapter(tuple[NamedShape, ...])


@cache
def load_shapes(path: Path = SHAPES_FILE) -> dict[str, NamedShape]:
    try:
        return {row.name: row for row in ROWS.validate_python(read_yaml(path))}
    except ValidationError as error:
        raise wrong(path, str(error.errors()[0])) from error


def find_model(name: str) -> KnownModel:
    """A path is meant where `name` has a slash or is a folder; raises NotFound or BadRequest."""
    folder = Path(name)
    if "/" in name or folder.is_dir():
        return model_of_folder(folder)
    entry = load_catalogue().get(name)
    if entry is not None:
        return model_of_entry(entry)
    shape = load_shapes().get(name)
    if shape is not None:
        return model_of_shape(shape)
    raise NotFound(
        f"Neither the catalogue nor the named shapes have a model `{name}`.",
        hint=f"Give a folder with its config.json, or one of: {', '.join([*load_catalogue(), *load_shapes()])}.",
        param="name",
    )


def model_of_entry(entry: CatalogueEntry) -> KnownModel:
    shape = shape_of_entry(entry)
    variants = {variant.name: weights_of_variant(entry, shape, variant) for variant in entry.variants}
    return KnownModel(entry.name, shape, variants, "catalogue entry")


def model_of_shape(row: NamedShape) -> KnownModel:
    shape = shape_of_config(row.config)
    variants = {
        name: from_figure(shape, int(figure.value), name=name, source=f"{figure.evidence}: {figure.source}")
        for name, figure in row.weights.items()
    }
    return KnownModel(row.name, shape, variants, f"shapes.yaml: {row.source}")


def model_of_folder(folder: Path) -> KnownModel:
    """Weights exact from the safetensors headers where they lie there, else counted from config.json."""
    shape = read_config(folder)
    try:
        weights = from_folder(folder)
    except BadRequest:
        note = "There are no safetensors files in the folder: weights are counted from config.json."
        return KnownModel(folder.name, replace(shape, notes=(*shape.notes, note)), {}, str(folder))
    heads = [layer.kv_heads for layer in shape.groups if isinstance(layer, Attention)]
    exact = limit_kv_shards(weights, max(heads)) if heads else weights
    return KnownModel(folder.name, shape, {exact.name: exact}, str(folder))
