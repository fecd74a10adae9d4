"""Whatever comes from outside costs no more memory than a small multiple of its own size, however it lies."""

import json
import struct
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from appliance.base.errors import ApplianceError, SetupError
from appliance.weights.manifest import MANIFEST_FILE, MOST_BYTES, make_manifest, read_manifest
from appliance.weights.modelpack.documents import ImageIndex, layers_of, parse
from appliance.weights.modelpack.inventory import read_inventory
from appliance.weights.modelpack.layout_files import places_in
from appliance.weights.modelpack.signing import Signature
from appliance.weights.modelpack.volumes import read_index
from appliance.weights.safety import examine_file
from appliance.weights.sealed import form
from appliance.weights.sealed.artifact import artifact_of
from appliance.weights.sealed.form import parse_header, preamble, read_header
from appliance.weights.sealed.tensors import parse_table

MIB = 1024**2
BOUND_BYTES = 24 * MIB
"""For files of a few hundred bytes; the buffer of an inventory is 16 MiB from the start."""
DEEP = [b"[" * 200_000, b'{"a":' * 200_000, b"9" * 200_000, b'"' + b"\\u0000" * 9999, b"[" + b"[]," * 60_000 + b"[]]"]
DEEP_BOUND_BYTES = 64 * MIB
"""For those of up to a mebibyte: sixty times their size."""


def peak_of(read: Callable[[], object]) -> int:
    """What it took at once, whether it read or refused. Any other error than a refusal of ours ends the test."""
    tracemalloc.start()
    try:
        with suppress(ApplianceError):
            read()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def as_file(read: Callable[[Path], object], name: str) -> Callable[[bytes, Path], object]:
    def read_file(content: bytes, folder: Path) -> object:
        path = folder / name
        path.write_bytes(content)
        return read(path)

    return read_file


def stored_manifest(content: bytes, folder: Path) -> object:
    (folder / MANIFEST_FILE).write_bytes(content)
    return read_manifest(folder)


READERS: dict[str, Callable[[bytes, Path], object]] = {
    "manifest of a version": stored_manifest,
    "ModelPack manifest": lambda content, _: layers_of(content, name="x"),
    "ModelPack index": lambda content, _: parse(ImageIndex, content, name="x"),
    "ModelPack signature": lambda content, _: parse(Signature, content, name="x"),
    "index of volumes": lambda content, _: read_index(content, name="x"),
    "inventory": as_file(read_inventory, "inventory"),
    "tar of volumes": as_file(places_in, "volume.tar"),
    "safetensors": as_file(lambda path: examine_file(path, name="x.safetensors"), "x.safetensors"),
    "GGUF": as_file(lambda path: examine_file(path, name="x.gguf"), "x.gguf"),
    "JSON of a model": as_file(lambda path: examine_file(path, name="config.json"), "config.json"),
    "sealed shard": as_file(read_header, "x.sealed"),
    "sealed header": lambda content, _: parse_header(content, what="x"),
    "sealed table": lambda content, _: parse_table(content, plain_bytes=1000, what="x"),
}
HEADS = [
    b"",
    form.MAGIC,
    preamble(b"{}"),
    struct.pack("<Q", 1 << 40),
    struct.pack("<Q", 200),
    b"GGUF" + struct.pack("<IQQ", 3, 1 << 40, 1 << 40),
    b"GGUF" + struct.pack("<IQQ", 3, 1, 1),
    b'{"files": [',
    b"T\xff\xff\xff\x7f",
    b"\x8d" + struct.pack("<Q", 1 << 40),
]

every = pytest.mark.parametrize("kind", READERS)


@every
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(head=st.sampled_from(HEADS), content=st.binary(max_size=300))
@example(head=b"", content=b"")
def test_any_bytes_cost_little(kind: str, tmp_path: Path, head: bytes, content: bytes) -> None:
    assert peak_of(lambda: READERS[kind](head + content, tmp_path)) < BOUND_BYTES


@every
@pytest.mark.parametrize("content", DEEP, ids=["lists", "objects", "digits", "escapes", "parts"])
def test_deep_and_long_ones_cost_no_more_than_their_size_allows(kind: str, tmp_path: Path, content: bytes) -> None:
    assert peak_of(lambda: READERS[kind](content, tmp_path)) < DEEP_BOUND_BYTES


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(document=JSON | st.dictionaries(st.sampled_from(["format", "files", "x"]), JSON, max_size=3))
@example({"format": None})
@example({"format": []})
@example({"format": float("inf")})
@example({"format": 10**400, "files": []})
def test_a_versions_manifest_is_refused_with_what_to_do(tmp_path: Path, document: Any) -> None:
    (tmp_path / MANIFEST_FILE).write_text(json.dumps(document))
    with pytest.raises(ApplianceError) as refusal:
        read_manifest(tmp_path)
    assert refusal.value.hint


def test_an_endless_manifest_is_not_read(tmp_path: Path) -> None:
    folder = tmp_path / make_manifest([]).digest
    folder.mkdir()
    with (folder / MANIFEST_FILE).open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(SetupError, match="larger than 64 MiB"):
        read_manifest(folder)


@settings(max_examples=200, deadline=None)
@given(document=JSON | st.dictionaries(st.sampled_from(["files", "format", "algorithm", "model_id"]), JSON, max_size=4))
def test_what_a_sealed_artifact_says_of_itself_costs_little(document: Any) -> None:
    assert peak_of(lambda: artifact_of(json.dumps(document).encode())) < BOUND_BYTES
