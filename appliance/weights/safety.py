"""What may enter the store. Weights come from strangers: nothing in them may run, and no header may lie about its
size.

Pickle runs code when it is loaded (docs.python.org/3/library/pickle.html), and scanners for it are bypassable, so
it is refused in any form. `auto_map` makes transformers import Python from the model's folder
(huggingface.co/docs/transformers/main/en/custom_models), so it is refused too, unless the admin asks for the code to be
left out: then the model is taken without it, and an engine runs it only where it knows the architecture itself.
"""

import json
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from safetensors import SafetensorError, safe_open

from appliance.base.errors import BadRequest
from appliance.weights.disguises import disguise_of
from appliance.weights.gguf import WrongGguf, read_gguf
from appliance.weights.manifest import MANIFEST_FILE
from appliance.weights.sealed.form import read_header
from appliance.weights.templates import templates_in, try_templates

PICKLE_SUFFIXES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib", ".npy", ".npz")
CODE_SUFFIXES = (".py", ".pyc", ".so", ".dll", ".sh")
WEIGHT_SUFFIXES = (".safetensors", ".gguf", ".sealed")
TEXT_SUFFIXES = (".json", ".jinja", ".txt", ".md", ".model", ".tiktoken")
PLAIN_NAMES = ("LICENSE", "LICENCE", "NOTICE")

INDEX_SUFFIX = ".safetensors.index.json"
FETCH_AGAIN = "Fetch the file again."
CODE_KEYS = ("auto_map", "custom_pipelines")
LARGEST_TEXT_BYTES = 256 * 1024 * 1024
LARGEST_JSON_BYTES = 64 * 1024 * 1024
"""Twice the largest tokenizer.json that the catalogue's models have."""
LONGEST_HEADER_BYTES = 100_000_000
"""Of a safetensors file: the library's own limit (safetensors README, "Format")."""


@dataclass(frozen=True)
class Rules:
    """`leave_code_out`: program code is left out and `auto_map` let through, where both are refused otherwise."""

    leave_code_out: bool = False


STRICT = Rules()


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


def examine_folder(root: Path, *, rules: Rules = STRICT) -> Folder:
    """List and check the files below `root`; raises BadRequest that names the first file that may not be imported."""
    if not root.is_dir():
        raise BadRequest(f"{root} is not a folder.", hint="Give the model's folder.", param="source")
    files: list[Candidate] = []
    left_out: list[str] = []
    for path, status in walk(root):
        relative = path.relative_to(root).as_posix()
        refuse_by_kind(relative, status)
        refuse_by_name(relative, rules=rules)
        if belongs(relative):
            files.append(Candidate(path=relative, bytes=status.st_size))
        else:
            left_out.append(relative)
    present = {file.path for file in files}
    refuse_without_weights(str(root), present)
    for file in files:
        examine_file(root / file.path, name=file.path, rules=rules)
    refuse_missing_shards(root, present)
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


def belongs(name: str) -> bool:
    """A `MANIFEST.json` is left out in whatever folder: the store writes its own beside the files of a version, and one
    that comes along (with a folder copied out of another box's store) says nothing that the files do not.
    """
    path = Path(name)
    if path.name == MANIFEST_FILE:
        return False
    return path.suffix.lower() in WEIGHT_SUFFIXES + TEXT_SUFFIXES or path.name in PLAIN_NAMES


def refuse_without_weights(source: str, present: set[str]) -> None:
    if not any(name.lower().endswith(WEIGHT_SUFFIXES) for name in present):
        raise BadRequest(
            f"{source} has no weights.", hint="A model's folder holds .safetensors or .gguf files.", param="source"
        )


def refuse_by_kind(name: str, status: os.stat_result) -> None:
    if stat.S_ISLNK(status.st_mode):
        raise refused(
            name, "is a link; links may lead out of the folder.", hint="Copy with `cp -rL` and import the copy."
        )
    if not stat.S_ISREG(status.st_mode):
        raise refused(name, "is not an ordinary file.")


def refuse_by_name(name: str, *, rules: Rules) -> None:
    suffix = Path(name).suffix.lower()
    if suffix in PICKLE_SUFFIXES:
        raise refused(
            name,
            "is in a pickle format, which can run code when it is loaded.",
            hint="Import a folder with safetensors only; remove this file if the safetensors stand beside it.",
        )
    if suffix in CODE_SUFFIXES and not rules.leave_code_out:
        raise refused(
            name,
            "is program code; the appliance runs no code that comes with a model.",
            hint="Import with the code left out; an engine then runs the model only if it knows the architecture.",
        )


def examine_file(path: Path, *, name: str, rules: Rules = STRICT) -> None:
    """Check the content of the file at `path`, which is to be called `name`."""
    match Path(name).suffix.lower():
        case ".safetensors":
            examine_safetensors(path, name=name)
        case ".gguf":
            examine_gguf(path, name=name)
        case ".sealed":
            read_header(path)
        case suffix:
            examine_text(path, name=name)
            if suffix == ".json":
                examine_json(path, name=name, rules=rules)
            if suffix in (".json", ".jinja"):
                examine_templates(path, name=name)


def examine_safetensors(path: Path, *, name: str) -> None:
    """The library checks the header's length, every tensor's offsets and the file's size before it allocates.

    The length is held against the file here too, so that a file in which it lies is never mapped.
    """
    size = path.stat().st_size
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
    if size < 8 or not 0 < length <= min(size - 8, LONGEST_HEADER_BYTES):
        raise refused(name, "is not a whole safetensors file (its header's length is wrong).", hint=FETCH_AGAIN)
    try:
        with safe_open(path, framework="numpy") as tensors:  # pyright: ignore[reportUnknownVariableType]
            names = list(cast(Any, tensors).keys())
    except (SafetensorError, OSError, ValueError) as error:
        raise refused(name, f"is not a whole safetensors file ({error}).", hint=FETCH_AGAIN) from error
    if not names:
        raise refused(name, "holds no tensor.")


def examine_gguf(path: Path, *, name: str) -> None:
    try:
        header = read_gguf(path)
    except WrongGguf as error:
        raise refused(name, f"is not a GGUF file that can be trusted: {error}.", hint=FETCH_AGAIN) from error
    if header.template is not None:
        refuse_templates([header.template], name=name)


def examine_text(path: Path, *, name: str) -> None:
    if path.stat().st_size > LARGEST_TEXT_BYTES:
        raise refused(name, "is too large for a text file of a model.")
    if disguise := disguise_of(path):
        raise refused(name, f"is {disguise} under another name.")


def examine_json(path: Path, *, name: str, rules: Rules) -> None:
    if path.stat().st_size > LARGEST_JSON_BYTES:
        raise refused(name, "is too large for a JSON file of a model.")
    try:
        document = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise refused(name, f"is not JSON ({error}).", hint=FETCH_AGAIN) from error
    for key in CODE_KEYS:
        if name.endswith("config.json") and not rules.leave_code_out and has_key(document, key):
            raise refused(
                name,
                f"asks for `{key}`: code that comes with the model. The appliance runs none.",
                hint="Import with the code left out; an engine then runs the model only if it knows the architecture.",
            )
    if name.endswith(INDEX_SUFFIX):
        shards_of(document, name=name)


def examine_templates(path: Path, *, name: str) -> None:
    refuse_templates(templates_in(name, path.read_bytes()), name=name)


def refuse_templates(templates: list[str], *, name: str) -> None:
    if templates and (reason := try_templates(templates).refusal):
        raise refused(name, f"{reason}.")


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


def shards_of(document: Any, *, name: str) -> set[str]:
    weight_map = cast(dict[str, Any], document).get("weight_map") if isinstance(document, dict) else None
    if not isinstance(weight_map, dict):
        raise refused(name, "has no `weight_map`.")
    folder = Path(name).parent
    return {(folder / str(shard)).as_posix() for shard in cast(dict[str, Any], weight_map).values()}


def refuse_missing_shards(root: Path, present: set[str]) -> None:
    """Every shard that an index below `root` names is there."""
    for name in sorted(each for each in present if each.endswith(INDEX_SUFFIX)):
        missing = sorted(shards_of(json.loads((root / name).read_bytes()), name=name) - present)
        if missing:
            raise refused(name, f"names {missing[0][:200]}, which is not there.", hint="Bring the whole folder.")
