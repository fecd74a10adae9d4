"""Finding a model by name: a catalogue entry, or a folder with its files."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

from appliance.base.errors import BadRequest, NotFound
from model_catalog.catalogue import load_catalogue
from model_catalog.fit.config import read_config
from model_catalog.fit.entry import shape_of_entry, weights_of_variant
from model_catalog.fit.quantization import find_quantization
from model_catalog.fit.shape import Attention, ModelShape
from model_catalog.fit.weights import Weights, counted, from_folder, limit_kv_shards
from model_catalog.schema import CatalogueEntry


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


def fitted_names(entries: Mapping[str, CatalogueEntry] | None = None) -> list[str]:
    """Entries whose shape fit knows, sorted."""
    known = load_catalogue() if entries is None else entries
    return sorted(name for name, entry in known.items() if entry.no_shape is None)


def find_model(name: str, *, entries: Mapping[str, CatalogueEntry] | None = None) -> KnownModel:
    """A path is meant where `name` has a slash or is a folder; raises NotFound or BadRequest. `entries` None: those
    that ship with the release.
    """
    folder = Path(name)
    if "/" in name or folder.is_dir():
        return model_of_folder(folder)
    entry = (load_catalogue() if entries is None else entries).get(name)
    if entry is not None:
        return model_of_entry(entry)
    near = ", ".join(get_close_matches(name, fitted_names(entries), n=5, cutoff=0.3))
    raise NotFound(
        f"The catalogue does not have a model `{name}`.",
        hint=f"Give a folder with its config.json, or a name of docs/catalogue.md{f'; near: {near}' if near else ''}.",
        param="name",
    )


def model_of_entry(entry: CatalogueEntry) -> KnownModel:
    shape = shape_of_entry(entry)
    known = {variant.name: weights_of_variant(entry, shape, variant) for variant in entry.variants}
    variants = {name: weights for name, weights in known.items() if weights is not None}
    source = f"catalogue entry: {entry.config.source}" if entry.config else "catalogue entry"
    return KnownModel(entry.name, shape, variants, source)


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
