"""A catalogue update is believed only with the right signature, and only forwards."""

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.base import clock
from appliance.base.errors import ApplianceError, BadRequest, SetupError, TooLarge
from model_catalog.updates.reading import (
    MOST_BYTES,
    PREAMBLE,
    TRUST_FOLDER,
    Sheet,
    Update,
    key_id,
    parse,
    require_newer,
    require_successors,
    signed_document,
    trusted_keys,
    verified_update,
)
from tests.fixtures.catalogue_entries import entry, raw_entry

KEY = Ed25519PrivateKey.generate()
TRUSTED = {key_id(KEY.public_key()): KEY.public_key()}


def payload(**changes: Any) -> bytes:
    document = {"sequence": 3, "issued": "2026-11-22T00:00:00Z", "entries": [raw_entry("a"), raw_entry("b")]}
    return json.dumps({**document, **changes}).encode()


def read(document: bytes) -> Update:
    return verified_update(document, trusted=TRUSTED, now=clock.now()).update


def test_what_was_signed_is_read() -> None:
    update = read(signed_document(payload(), key=KEY))
    assert (update.sequence, [each.name for each in update.entries]) == (3, ["a", "b"])


def test_every_flipped_bit_is_found() -> None:
    document = signed_document(payload(entries=[]), key=KEY)
    for place in range(len(document)):
        damaged = document[:place] + bytes([document[place] ^ 1]) + document[place + 1 :]
        with pytest.raises(BadRequest):
            read(damaged)


def test_a_cut_or_longer_file_is_found() -> None:
    document = signed_document(payload(entries=[]), key=KEY)
    for changed in (*(document[:end] for end in range(len(document))), document + b" "):
        with pytest.raises(BadRequest):
            read(changed)


def test_nothing_is_parsed_before_the_signature_is_right() -> None:
    document = signed_document(b"[" * 1000, key=KEY)
    with pytest.raises(BadRequest, match="cannot be used"):
        read(document)
    with pytest.raises(BadRequest, match="signature"):
        read(document[:-1])


def test_without_a_key_the_refusal_says_how_to_add_one(tmp_path: Path) -> None:
    with pytest.raises(BadRequest) as refusal:
        verified_update(signed_document(payload(), key=KEY), trusted=trusted_keys(tmp_path), now=clock.now())
    assert refusal.value.error_code == "no_trusted_key"
    assert "trust/catalogue/NAME.pub" in str(refusal.value.hint)


def test_another_key_is_not_trusted() -> None:
    with pytest.raises(BadRequest, match="not trusted here"):
        read(signed_document(payload(), key=Ed25519PrivateKey.generate()))


def test_a_signature_for_something_else_is_none_for_an_update() -> None:
    """The first line is signed too, so what the key signed for another purpose is no update."""
    body = payload()
    header = f"key {key_id(KEY.public_key())}\nsignature {KEY.sign(body).hex()}\n".encode()
    with pytest.raises(BadRequest, match="signature"):
        read(PREAMBLE + header + body)


def test_a_large_file_is_not_looked_at() -> None:
    with pytest.raises(TooLarge):
        read(b"x" * (MOST_BYTES + 1))


def test_keys_are_read_from_the_home(tmp_path: Path) -> None:
    folder = tmp_path / TRUST_FOLDER
    folder.mkdir(parents=True)
    pem = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / "publisher.pub").write_bytes(pem)
    (folder / "readme.txt").write_text("no key")
    assert trusted_keys(tmp_path).keys() == TRUSTED.keys()


@pytest.mark.parametrize("kind", ["nonsense", "another kind", "folder"])
def test_a_file_that_is_no_key_is_named(tmp_path: Path, kind: str) -> None:
    path = tmp_path / TRUST_FOLDER / "bad.pub"
    path.parent.mkdir(parents=True)
    other = generate_private_key(SECP256R1()).public_key()
    if kind == "folder":
        path.mkdir()
    else:
        pem = other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        path.write_bytes(pem if kind == "another kind" else b"nonsense")
    with pytest.raises(SetupError, match=r"bad.pub does not hold an Ed25519"):
        trusted_keys(tmp_path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"critical": ["embargo"]}, "needs `embargo`, which this release does not know"),
        ({"critical": ["embargo"], "entries": "in another form"}, "needs `embargo`"),
        ({"sequence": 0}, "sequence"),
        ({"sequence": 2**60}, "sequence"),
        ({"issued": "yesterday"}, "issued"),
        ({"issued": "2026-11-22T00:00:00"}, "issued"),
        ({"entries": [raw_entry("a"), raw_entry("b", tusk=1)]}, "`b`: tusk"),
        ({"entries": [raw_entry("a"), raw_entry("a")]}, "`a` is there twice"),
        ({"entries": [raw_entry("a", context={"value": 1e999, "evidence": "listing", "source": "x"})]}, "`a`: context"),
        ({"entries": [7]}, "entry 1"),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(BadRequest, match=words):
        parse(payload(**changes))


def test_unknown_fields_that_are_not_critical_are_passed_over() -> None:
    assert parse(payload(mood="good", critical=["sequence"])).sequence == 3


def test_an_update_that_expired_is_refused() -> None:
    now = clock.now()
    document = signed_document(payload(expires=(now + timedelta(hours=1)).isoformat()), key=KEY)
    assert verified_update(document, trusted=TRUSTED, now=now).update.sequence == 3
    with pytest.raises(BadRequest, match="expired at"):
        verified_update(document, trusted=TRUSTED, now=now + timedelta(hours=1))


@pytest.mark.parametrize("applied", [3, 4])
def test_an_update_never_goes_backwards(applied: int) -> None:
    with pytest.raises(BadRequest, match="not newer"):
        require_newer(parse(payload()), applied=applied)


def test_a_newer_update_may_be_applied() -> None:
    require_newer(parse(payload()), applied=2)
    with pytest.raises(BadRequest, match="there is no `c`"):
        require_successors([entry("a", successor="c")], released=["b"])
    require_successors([entry("a", successor="b"), entry("c", successor="a")], released=["b"])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.sampled_from([*Sheet.model_fields, "other"])
ENTRY_FIELDS = st.sampled_from([*raw_entry("a"), "other"])


HOSTILE = {"lists": b"[]", "objects": b'{"a":{}}', "strings": b'"\\u0041"'}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_signed_file_of_nothing_but_parts_takes_bounded_memory(tmp_path: Path, kind: str) -> None:
    """In a process that may have 1 GiB of address space."""
    part = HOSTILE[kind]
    start = b'{"sequence": 1, "issued": "2026-11-22T00:00:00Z", "entries": ['
    count = (MOST_BYTES - 1000) // (len(part) + 1)
    path = tmp_path / "update"
    path.write_bytes(start + b",".join([part] * count) + b"]}")
    program = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from model_catalog.updates.reading import parse\n"
        "from appliance.base.errors import BadRequest\n"
        "resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))\n"
        "try:\n"
        "    parse(Path(sys.argv[1]).read_bytes())\n"
        "except BadRequest as refusal:\n"
        "    print(refusal.message)\n"
    )
    outcome = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=False)
    assert "cannot be used: entries: List should have at most 2000 items" in outcome.stdout, outcome.stderr


@settings(max_examples=300, deadline=None)
@given(body=st.binary(max_size=300), header=st.booleans())
def test_any_bytes_are_refused(body: bytes, header: bool) -> None:
    with pytest.raises(ApplianceError):
        read(signed_document(body, key=KEY) if header else body)


@settings(max_examples=300, deadline=None)
@given(fields=st.dictionaries(FIELDS, JSON, max_size=3), inner=st.dictionaries(ENTRY_FIELDS, JSON, max_size=3))
def test_any_signed_fields_are_refused_or_read(fields: dict[str, Any], inner: dict[str, Any]) -> None:
    document = {"entries": [{**raw_entry("a"), **inner}], **fields}
    try:
        update = read(signed_document(payload(**document), key=KEY))
    except ApplianceError:
        return
    assert update.sequence >= 1
