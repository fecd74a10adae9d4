"""Anything at all in place of a file is refused with a sentence: no crash, no memory that grows with a lie."""

import tracemalloc
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.licences.canonical import Json, JsonObject, canonical, parse_canonical
from appliance.licences.chain import read_certificate, read_licence, read_request, read_revocations, read_root
from appliance.licences.documents import Licence, LicenceRequest, Revocations, parse_document
from appliance.licences.envelope import Kind, kind_of, seal_envelope
from appliance.licences.refusal import LicenceRefused
from appliance.vendor import issuing
from tests.fixtures.licences import START, Customer, Vendor

MOST_MEMORY = 32 * 1024 * 1024

FEW = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@cache
def scene() -> tuple[Vendor, dict[str, bytes]]:
    folder = Path(mkdtemp(prefix="ts-test-licences-"))
    vendor, customer = Vendor(folder / "vendor"), Customer(folder / "customer")
    request = customer.ask()
    _, licence = vendor.issue(request)
    issuing.revoke(vendor.vault, licence_ids=["lic-1"], at=START)
    files = {
        "root": vendor.root_file,
        "issuer": vendor.certificate,
        "licence": licence,
        "revocations": vendor.revocations_file,
        "request": request,
    }
    return vendor, files


def readers() -> dict[str, Callable[[bytes], object]]:
    roots = [scene()[0].root]
    return {
        "root": read_root,
        "issuer": lambda raw: read_certificate(raw, roots=roots),
        "licence": lambda raw: read_licence(raw, roots=roots),
        "revocations": lambda raw: read_revocations(raw, roots=roots),
        "request": read_request,
    }


KINDS = sorted(kind.value for kind in Kind)


def assert_refused(read: Callable[[bytes], object], raw: bytes) -> None:
    with pytest.raises(LicenceRefused) as caught:
        read(raw)
    assert caught.value.message.strip()
    assert len(caught.value.message) < 500


@pytest.mark.parametrize("kind", KINDS)
def test_the_files_themselves_are_read(kind: str) -> None:
    assert readers()[kind](scene()[1][kind]) is not None
    assert kind_of(scene()[1][kind]).value == kind


@FEW
@given(kind=st.sampled_from(KINDS), raw=st.binary(max_size=2000))
def test_noise_is_refused(kind: str, raw: bytes) -> None:
    assert_refused(readers()[kind], raw)
    assert_refused(readers()[kind], f"thousand-sails {kind} 1 ed25519\n".encode() + raw)


@FEW
@given(kind=st.sampled_from(KINDS), data=st.data())
def test_a_file_that_was_cut_or_changed_is_refused(kind: str, data: st.DataObject) -> None:
    whole = scene()[1][kind]
    start = data.draw(st.integers(0, len(whole) - 1))
    end = data.draw(st.integers(start, min(len(whole), start + 40)))
    put = data.draw(st.binary(max_size=40))
    changed = whole[:start] + put + whole[end:]
    if changed != whole:
        assert_refused(readers()[kind], changed)


spelt = st.text(st.characters(codec="utf-8"), max_size=20)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | spelt,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(spelt, inner, max_size=5),
    max_leaves=20,
)


@FEW
@given(value=json_values, name=st.sampled_from([*Licence.model_fields, *LicenceRequest.model_fields, "epoch"]))
def test_a_signed_document_of_any_other_shape_is_refused(value: Json, name: str) -> None:
    for model in (Licence, LicenceRequest, Revocations):
        full: JsonObject = {**dict.fromkeys(model.model_fields, 1), name: value}
        for document in ({name: value}, full):
            assert_refused(lambda raw, model=model: parse_document(raw, model), canonical(document))


@FEW
@given(raw=st.binary(max_size=300))
def test_what_parses_is_spelt_one_way(raw: bytes) -> None:
    try:
        document = parse_canonical(raw)
    except LicenceRefused:
        return
    assert canonical(document) == raw


@pytest.mark.parametrize("filling", [b"[" * 60_000, b'{"a":' * 12_000, b"9" * 60_000, b'"' + b"\\u0041" * 10_000])
def test_deep_and_long_content_costs_little_memory(filling: bytes) -> None:
    """Signed by whoever sent it, as anybody can sign a request."""
    key = Ed25519PrivateKey.generate()
    head = seal_envelope(Kind.REQUEST, {}, key=key).rsplit(b"\n", 1)[0]
    tracemalloc.start()
    try:
        assert_refused(read_request, head + b"\n" + filling)
        assert tracemalloc.get_traced_memory()[1] < MOST_MEMORY
    finally:
        tracemalloc.stop()
