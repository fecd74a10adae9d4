"""Weight bytes: exact from the files, by a figure of the catalogue, or counted from the shape; and one card's share."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from appliance.base.errors import BadRequest
from model_catalog.fit.quantization import Quantization
from model_catalog.fit.shape import ANY_NUMBER, REPLICATED, ModelShape

LONGEST_HEADER = 100_000_000
"""The safetensors format allows no longer JSON header."""
REPLICATED_NAMES = ("norm", ".gate.", "router", "kv_a_proj", "q_a_proj", "indexer", "e_score_correction_bias", ".A_log")
KV_NAMES = ("k_proj", "v_proj")


@dataclass(frozen=True)
class Share:
    """Bytes that are divided alike; see `model_catalog.fit.shape.WeightPart`."""

    label: str
    size_bytes: int
    most_shards: int = ANY_NUMBER
    place: str = "layers"


@dataclass(frozen=True)
class Weights:
    """`name` is the variant or quantization; `source` says how the bytes are known. `engine`: the only one that runs
    this form, None where several may.
    """

    name: str
    shares: tuple[Share, ...]
    source: str
    engine: str | None = None

    @property
    def size_bytes(self) -> int:
        return sum(share.size_bytes for share in self.shares)

    def on_card(self, *, tensor: int, stage: float = 1.0, first: bool = True, last: bool = True) -> int:
        """Bytes on one card of a pipeline stage that has this part of the layers; copies count whole on each."""
        total = 0
        for share in self.shares:
            if (share.place == "first" and not first) or (share.place == "last" and not last):
                continue
            part = share.size_bytes if share.place != "layers" else -int(-share.size_bytes * stage // 1)
            total += -(-part // min(tensor, share.most_shards))
        return total

    def copied(self, tensor: int) -> int:
        """Bytes that each of `tensor` cards holds beyond an even share."""
        return self.on_card(tensor=tensor) - -(-self.size_bytes // tensor)


def counted(shape: ModelShape, quantization: Quantization | None = None) -> Weights:
    """Counted from the shape; raises BadRequest where this type of model cannot be counted."""
    if not shape.weights:
        raise BadRequest(
            f"The weights of {shape.architecture} cannot be counted from its config.json.",
            hint="Give its weight files, or an entry with `weight_bytes`.",
        )
    shares = [
        Share(
            part.label,
            round(part.parameters * weight_bytes(shape, quantization, quantizable=part.quantizable)),
            most_shards=part.most_shards,
            place=part.place,
        )
        for part in shape.weights
    ]
    name = quantization.name if quantization else {2: "bf16", 4: "fp32"}.get(shape.element_bytes, "as published")
    source = f"{shape.parameters:,} parameters counted from config.json"
    if quantization is None:
        return Weights(name, tuple(shares), source)
    return Weights(name, tuple(shares), f"{source}; {quantization.source}", quantization.engine)


def weight_bytes(shape: ModelShape, quantization: Quantization | None, *, quantizable: bool) -> float:
    if quantization is None:
        return shape.element_bytes
    if quantization.whole_model or quantizable or quantization.bytes_per_weight >= shape.element_bytes:
        return quantization.bytes_per_weight
    return shape.element_bytes


def from_figure(shape: ModelShape, size_bytes: int, *, name: str, source: str) -> Weights:
    """A total that somebody published. What is copied or stands at the ends is counted from the shape in its own
    precision; the rest of the total is divided evenly.
    """
    known = [
        Share(part.label, part.parameters * shape.element_bytes, most_shards=part.most_shards, place=part.place)
        for part in shape.weights
        if (part.most_shards == REPLICATED and not part.quantizable) or part.place != "layers"
    ]
    rest = size_bytes - sum(share.size_bytes for share in known)
    if rest < 0:
        return Weights(name, (Share("all weights", size_bytes),), source)
    return Weights(name, (*known, Share("all other weights", rest)), source)


def from_folder(folder: Path) -> Weights:
    """Exact: the sizes of all tensors in the safetensors headers. Raises BadRequest where there are none to read.

    Files that the index does not name are left out: some publishers keep a second copy in another layout beside them.
    """
    names = indexed_files(folder) or sorted(path.name for path in folder.glob("*.safetensors"))
    if not names:
        raise BadRequest(f"{folder} has no safetensors files.", hint="Give the folder that holds the weight files.")
    tensors: dict[str, int] = {}
    for name in names:
        tensors.update(tensor_bytes(folder / name))
    return Weights("as in the files", tuple(shares_of_tensors(tensors)), f"headers of {len(names)} safetensors files")


def indexed_files(folder: Path) -> list[str]:
    path = folder / "model.safetensors.index.json"
    if not path.is_file():
        return []
    placed = cast("dict[str, dict[str, str]]", json.loads(path.read_text(encoding="utf-8"))).get("weight_map", {})
    return sorted(set(placed.values()))


def tensor_bytes(path: Path) -> dict[str, int]:
    """Name to bytes, from the header alone: eight bytes of length, then JSON with `data_offsets` per tensor
    (https://huggingface.co/docs/safetensors, Format).
    """
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if length > LONGEST_HEADER:
                raise BadRequest(f"{path} is no safetensors file.", hint="Bring the file again.")
            header = cast("dict[str, Mapping[str, object]]", json.loads(file.read(length)))
    except (OSError, ValueError) as error:
        raise BadRequest(f"{path} cannot be read: {error}.", hint="Bring the file again.") from error
    found: dict[str, int] = {}
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = cast("list[int]", entry["data_offsets"])
            found[name] = end - begin
    return found


def shares_of_tensors(tensors: Mapping[str, int]) -> Sequence[Share]:
    """Sorted by name into what is copied, what stands at the ends, and the rest. The names are Hugging Face's."""
    sums: dict[tuple[str, int, str], int] = {}
    for name, size in tensors.items():
        key = share_of(name)
        sums[key] = sums.get(key, 0) + size
    return [Share(label, size, most_shards=shards, place=place) for (label, shards, place), size in sums.items()]


def share_of(name: str) -> tuple[str, int, str]:
    if "embed_tokens" in name or "word_embeddings" in name:
        return "embedding", ANY_NUMBER, "first"
    if name.startswith("lm_head"):
        return "output head", ANY_NUMBER, "last"
    if any(part in name for part in REPLICATED_NAMES):
        return "norms, routers and down projections", REPLICATED, "layers"
    if any(f".{part}." in name for part in KV_NAMES):
        return "keys and values", ANY_NUMBER, "layers"
    return "all other weights", ANY_NUMBER, "layers"


def limit_kv_shards(weights: Weights, kv_heads: int) -> Weights:
    """KV projections read from files are copied beyond the model's KV heads."""
    shares = tuple(
        Share(share.label, share.size_bytes, most_shards=kv_heads, place=share.place)
        if share.label == "keys and values"
        else share
        for share in weights.shares
    )
    return Weights(weights.name, shares, weights.source)
