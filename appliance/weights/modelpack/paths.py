"""The names that a stranger's manifest gives to files: none may leave the folder, meet another or hide."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from appliance.base.errors import BadRequest
from appliance.weights.manifest import MANIFEST_FILE

LONGEST_PATH = 1024
LONGEST_NAME = 255
DEEPEST = 16


@dataclass(frozen=True)
class Layer:
    """One file of a model: `digest` is SHA-256 in hexadecimal."""

    path: str
    digest: str
    bytes: int
    media_type: str


def check_layers(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """Raises BadRequest that names the first bad path; else the layers sorted by path."""
    seen: set[str] = set()
    for layer in layers:
        check_path(layer.path)
        if layer.path in seen:
            raise unsafe(layer.path, "stands there twice")
        seen.add(layer.path)
    for layer in layers:
        for parent in PurePosixPath(layer.path).parents:
            if str(parent) in seen:
                raise unsafe(layer.path, f"lies below {parent}, which is a file")
    refuse_two_sizes(layers)
    return tuple(sorted(layers, key=lambda layer: layer.path))


def refuse_two_sizes(layers: Sequence[Layer]) -> None:
    sizes: dict[str, int] = {}
    for layer in layers:
        if sizes.setdefault(layer.digest, layer.bytes) != layer.bytes:
            raise unsafe(layer.path, "has a digest that stands there with another size")


def check_path(path: str) -> None:
    parts = path.split("/")
    if not path:
        raise unsafe(path, "is empty: the layer names no file")
    if len(path.encode(errors="replace")) > LONGEST_PATH or len(parts) > DEEPEST:
        raise unsafe(path, "is too long")
    if any(part in ("", ".", "..") for part in parts):
        raise unsafe(path, "leads out of the folder or is not plain")
    if any(len(part.encode(errors="replace")) > LONGEST_NAME for part in parts):
        raise unsafe(path, "has a name that is too long")
    if not path.isprintable() or "\\" in path:
        raise unsafe(path, "has characters that do not belong into a name")
    if path == MANIFEST_FILE:
        raise unsafe(path, "is the weight store's own file")


def unsafe(path: str, reason: str) -> BadRequest:
    return BadRequest(f"The path {path[:120]!r} {reason}.", param="source", code="unsafe_artifact", path=path[:120])
