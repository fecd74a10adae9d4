"""What may enter the store. Weights come from strangers: nothing in them may run, and no header may lie about its
size.

Pickle runs code when it is loaded (docs.python.org/3/library/pickle.html), and scanners for it are bypassable, so
it is refused in any form. `auto_map` makes transformers import Python from the model's folder, so it is refused
too.
"""

import json
import os
import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from safetensors import SafetensorError, safe_open

from appliance.base.errors import BadRequest

PICKLE_SUFFIXES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib", ".npy", ".npz")
CODE_SUFFIXES = (".py", ".pyc", ".so", ".dll", ".sh")
WEIGHT_SUFFIXES = (".safetensors", ".gguf")
TEXT_SUFFIXES = (".json", ".jinja", ".txt", ".md", ".model", ".tiktoken")
PLAIN_NAMES = ("LICENSE", "LICENCE", "NOTICE")

PICKLE_STARTS = tuple(bytes((0x80, protocol)) for protocol in range(2, 6))
ARCHIVE_STARTS = (b"PK\x03\x04", b"\x1f\x8b", b"\x93NUMPY")
CODE_KEYS = ("auto_map", "custom_pipelines")
LARGEST_TEXT_BYTES = 256 * 1024 * 1024
GGUF_VERSIONS = (2, 3)


@dataclass(frozen=True)
class Candidate:
    """A file that is to be stored: `path` relative to the folder."""

    path: str
    bytes: int


@dataclass(frozen=True)
class Folder:
    """What a folder holds: files that belong to a model, and names that are left out because no engine reads them."""

    files: tuple[Candidate, ...]
    left_out: tuple[str, ...]


def refused(path: str, reason: str, *, hint: str | None = None) -> BadRequest:
    return BadRequest(f"{path}: {reason}", hint=hint, param="source", code="unsafe_weights", path=path)


def examine_folder(root: Path) -> Folder:
    """List and check the files below `root`; raises BadRequest that names the first file that may not be imported."""
    if not root.is_dir():
        raise BadRequest(f"{root} is not a folder.", hint="Give the model's folder.", param="source")
    files: list[Candidate] = []
    left_out: list[str] = []
    for path, status in walk(root):
        relative = path.relative_to(root).as_posix()
        refuse_by_kind(relative, status)
        if belongs(path):
            files.append(Candidate(path=relative, bytes=status.st_size))
        else:
            left_out.append(relative)
    if not any(file.path.endswith(WEIGHT_SUFFIXES) for file in files):
        raise BadRequest(
            f"{root} has no weights.", hint="A model's folder holds .safetensors or .gguf files.", param="source"
        )
    for file in files:
        examine_file(root / file.path, name=file.path, present={each.path for each in files})
    return Folder(files=tuple(sorted(files, key=lambda file: file.path)), left_out=tuple(sorted(left_out)))


def walk(root: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Every entry but folders, never following a link; hidden ones (`.git`, `.cache`) are passed over."""
    for entry in sorted(root.iterdir()):
        if entry.name.startswith("."):
            continue
        status = entry.lstat()
        if stat.S_ISDIR(status.st_mode):
            yield from walk(entry)
        else:
            yield entry, status


def belongs(path: Path) -> bool:
    return path.suffix.lower() in WEIGHT_SUFFIXES + TEXT_SUFFIXES or path.name in PLAIN_NAMES


def refuse_by_kind(name: str, status: os.stat_result) -> None:
    suffix = Path(name).suffix.lower()
    if stat.S_ISLNK(status.st_mode):
        raise refused(
            name, "is a link; links may lead out of the folder.", hint="Copy with `cp -rL` and import the copy."
        )
    if not stat.S_ISREG(status.st_mode):
        raise refused(name, "is not an ordinary file.")
    if suffix in PICKLE_SUFFIXES:
        raise refused(
            name,
            "is in a pickle format, which can run code when it is loaded.",
            hint="Import a folder with safetensors only; remove this file if the safetensors stand beside it.",
        )
    if suffix in CODE_SUFFIXES:
        raise refused(name, "is program code; the appliance runs no code that comes with a model.")


def examine_file(path: Path, *, name: str, present: set[str]) -> None:
    match path.suffix.lower():
        case ".safetensors":
            examine_safetensors(path, name=name)
        case ".gguf":
            examine_gguf(path, name=name)
        case suffix:
            examine_text(path, name=name)
            if suffix == ".json":
                examine_json(path, name=name, present=present)


def examine_safetensors(path: Path, *, name: str) -> None:
    """The library checks the header's length, every tensor's offsets and the file's size before it allocates."""
    try:
        with safe_open(path, framework="numpy") as tensors:  # pyright: ignore[reportUnknownVariableType]
            names = list(cast(Any, tensors).keys())
    except (SafetensorError, OSError, ValueError) as error:
        raise refused(name, f"is not a whole safetensors file ({error}).", hint="Fetch the file again.") from error
    if not names:
        raise refused(name, "holds no tensor.")


def examine_gguf(path: Path, *, name: str) -> None:
    with path.open("rb") as stream:
        head = stream.read(8)
    if len(head) < 8 or head[:4] != b"GGUF":
        raise refused(name, "is not a GGUF file.")
    version = struct.unpack("<I", head[4:])[0]
    if version not in GGUF_VERSIONS:
        raise refused(name, f"has GGUF version {version}; versions 2 and 3 are known.")


def examine_text(path: Path, *, name: str) -> None:
    with path.open("rb") as stream:
        head = stream.read(8)
    if head.startswith(PICKLE_STARTS) or head.startswith(ARCHIVE_STARTS):
        raise refused(name, "is a pickle or an archive under another name.")
    if path.stat().st_size > LARGEST_TEXT_BYTES:
        raise refused(name, "is too large for a text file of a model.")


def examine_json(path: Path, *, name: str, present: set[str]) -> None:
    try:
        document = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise refused(name, f"is not JSON ({error}).", hint="Fetch the file again.") from error
    for key in CODE_KEYS:
        if path.name.endswith("config.json") and has_key(document, key):
            raise refused(name, f"asks for `{key}`: code that comes with the model. The appliance runs none.")
    if name.endswith(".safetensors.index.json"):
        refuse_missing_shards(document, name=name, present=present)


def has_key(document: Any, key: str) -> bool:
    """Whether `key` occurs at any depth; without recursion, as the nesting is the stranger's choice."""
    waiting: list[Any] = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            tree = cast(dict[str, Any], value)
            if key in tree:
                return True
            waiting.extend(tree.values())
        elif isinstance(value, list):
            waiting.extend(cast(list[Any], value))
    return False


def refuse_missing_shards(document: Any, *, name: str, present: set[str]) -> None:
    weight_map = cast(dict[str, Any], document).get("weight_map") if isinstance(document, dict) else None
    if not isinstance(weight_map, dict):
        raise refused(name, "has no `weight_map`.")
    folder = Path(name).parent
    wanted = {(folder / str(shard)).as_posix() for shard in cast(dict[str, Any], weight_map).values()}
    missing = sorted(wanted - present)
    if missing:
        raise refused(name, f"names {missing[0]}, which is not there.", hint="Bring the whole folder.")
