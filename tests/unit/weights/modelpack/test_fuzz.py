"""Whatever bytes stand where a document should: a refusal of ours, or a document within its bounds. Never a crash."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.base.errors import ApplianceError
from appliance.weights.modelpack.documents import ImageIndex, layers_of, parse
from appliance.weights.modelpack.inventory import read_inventory
from appliance.weights.modelpack.layout_files import places_in
from appliance.weights.modelpack.signing import Signature, read_public
from appliance.weights.modelpack.sources import signature_layer
from appliance.weights.modelpack.volumes import read_index

DIGEST = f"sha256:{'0' * 64}"
DESCRIPTOR = {"mediaType": "application/vnd.cncf.model.weight.v1.raw", "digest": DIGEST, "size": 1}
NAMED = {**DESCRIPTOR, "annotations": {"org.cncf.model.filepath": "a.safetensors"}}
MANIFEST = {
    "schemaVersion": 2,
    "artifactType": "application/vnd.cncf.model.manifest.v1+json",
    "config": DESCRIPTOR,
    "layers": [NAMED, {**NAMED, "annotations": {"org.cncf.model.filepath": "b/c.json"}}],
}
PART = {"volume": 1, "blob": "0" * 64, "offset": 0, "bytes": 1, "sha256": "1" * 64}
INDEX = {"kind": "thousand-sails.volumes", "format": 1, "manifest": "2" * 64, "volumes": 1, "parts": [PART]}

READERS: list[tuple[Callable[[bytes], object], dict[str, Any]]] = [
    (lambda content: layers_of(content, name="fuzz"), MANIFEST),
    (lambda content: parse(ImageIndex, content, name="fuzz"), {"schemaVersion": 2, "manifests": [DESCRIPTOR]}),
    (lambda content: read_index(content, name="fuzz"), INDEX),
    (lambda content: parse(Signature, content, name="fuzz"), {"public_key": "AA==", "signature": "AA=="}),
    (
        lambda content: signature_layer(content, of="0" * 64),
        {
            "artifactType": "application/vnd.thousand-sails.signature.v1+json",
            "layers": [DESCRIPTOR],
            "subject": DESCRIPTOR,
        },
    ),
    (read_public, {}),
]

leaves = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=20)
anything = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
)


LONGEST_MESSAGE = 1000


def refusal_of(read: Callable[[bytes], object], content: bytes) -> str:
    """What was said; nothing where the document was taken. Any other error than ours ends the test."""
    try:
        read(content)
    except ApplianceError as error:
        return error.message
    return ""


@pytest.mark.parametrize("read", [read for read, _ in READERS])
@given(content=st.binary(max_size=400))
@settings(deadline=None)
def test_any_bytes(read: Callable[[bytes], object], content: bytes) -> None:
    assert 0 < len(refusal_of(read, content)) < LONGEST_MESSAGE


@pytest.mark.parametrize(("read", "good"), READERS[:-1])
def test_the_samples_themselves_are_good(read: Callable[[bytes], object], good: dict[str, Any]) -> None:
    assert refusal_of(read, json.dumps(good).encode()) == ""


@pytest.mark.parametrize(("read", "good"), READERS[:-1])
@given(chance=st.data())
@settings(deadline=None, max_examples=200)
def test_a_good_document_with_one_thing_changed(
    read: Callable[[bytes], object], good: dict[str, Any], chance: st.DataObject
) -> None:
    document = json.loads(json.dumps(good))
    place: Any = document
    while True:
        keys = list(place) if hasattr(place, "keys") else list(range(len(place)))
        key = chance.draw(st.sampled_from(keys))
        inner: Any = place[key]
        if type(inner) not in (dict, list) or not inner or chance.draw(st.booleans()):
            place[key] = chance.draw(anything)
            break
        place = inner
    assert len(refusal_of(read, json.dumps(document).encode())) < LONGEST_MESSAGE


@pytest.mark.parametrize("read", [read for read, _ in READERS])
@pytest.mark.parametrize("content", [b"[" * 200_000, b'{"a":' * 200_000, b"9" * 200_000, b'"' + b"\\u0000" * 9999])
def test_deep_and_long(read: Callable[[bytes], object], content: bytes) -> None:
    assert 0 < len(refusal_of(read, content)) < LONGEST_MESSAGE


@given(content=st.binary(max_size=3000), blocks=st.integers(0, 3))
@settings(deadline=None)
def test_tars_and_inventories_of_any_bytes(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, blocks: int
) -> None:
    path: Path = tmp_path_factory.getbasetemp() / "fuzzed"
    path.write_bytes(content + b"\0" * 512 * blocks)
    assert len(refusal_of(lambda _: places_in(path), content)) < LONGEST_MESSAGE
    assert 0 < len(refusal_of(lambda _: read_inventory(path), content)) < LONGEST_MESSAGE
