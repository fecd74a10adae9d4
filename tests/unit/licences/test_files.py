"""Signed files: whoever changes one, in any place, gets a refusal; nothing is parsed before its signature holds."""

import base64
import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from appliance.licences.canonical import Json, JsonObject, canonical
from appliance.licences.chain import read_licence, read_request, read_revocations, read_root
from appliance.licences.documents import Licence, as_object
from appliance.licences.envelope import MOST_BYTES, Kind, open_envelope, seal_envelope
from appliance.licences.refusal import LicenceRefused, Why
from appliance.vendor import issuing
from appliance.vendor.vault import ISSUER_KEY, Vault
from tests.fixtures.licences import DAY, START, Customer, Vendor


def refused(raw: bytes, vendor: Vendor) -> Why:
    with pytest.raises(LicenceRefused) as caught:
        read_licence(raw, roots=[vendor.root])
    return caught.value.why


def signed_again(document: JsonObject, vendor: Vendor) -> bytes:
    return seal_envelope(Kind.LICENCE, document, key=vendor.vault.key(ISSUER_KEY), certificate=vendor.certificate)


def leaves(value: Json, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, (*path, name))
    elif isinstance(value, list) and value:
        for index, inner in enumerate(value):
            yield from leaves(inner, (*path, index))
    else:
        yield path


def edited(document: JsonObject, path: tuple[str | int, ...]) -> JsonObject:
    """The same with one value changed."""
    copy = json.loads(canonical(document))
    place = copy
    for step in path[:-1]:
        place = place[step]
    old = place[path[-1]]
    if isinstance(old, bool):
        place[path[-1]] = not old
    elif isinstance(old, int):
        place[path[-1]] = old + 1
    elif isinstance(old, str):
        place[path[-1]] = ("1" if old[0] == "0" else "0") + old[1:]
    else:
        place[path[-1]] = ["more"]
    return copy


def test_a_licence_is_read_back_as_it_was_issued(vendor: Vendor, customer: Customer) -> None:
    licence, raw = vendor.issue(customer.ask(), max_cards=7, accelerator_families=("cuda",), features=("adapters",))
    signed = read_licence(raw, roots=[vendor.root])
    assert signed.document == licence
    assert (signed.root, licence.max_cards, licence.accelerator_families) == (vendor.root, 7, ["cuda"])
    assert vendor.read_root() == vendor.root


def test_every_edited_field_breaks_the_signature(vendor: Vendor, customer: Customer) -> None:
    licence, raw = vendor.issue(customer.ask(), accelerator_families=("cuda",), features=("adapters",))
    document = as_object(licence)
    paths = list(leaves(document))
    assert {str(path[0]) for path in paths} == set(Licence.model_fields)
    head = raw[: raw.rindex(b"\n") + 1]
    for path in paths:
        assert refused(head + canonical(edited(document, path)), vendor) is Why.SIGNATURE, path


def test_every_flipped_bit_of_the_file_is_found(vendor: Vendor, customer: Customer) -> None:
    _, raw = vendor.issue(customer.ask())
    for place in range(0, len(raw), 7):
        changed = bytearray(raw)
        changed[place] ^= 1 << (place % 8)
        assert refused(bytes(changed), vendor), place


def test_what_is_not_signed_is_not_parsed(vendor: Vendor, customer: Customer) -> None:
    _, raw = vendor.issue(customer.ask())
    head = raw[: raw.rindex(b"\n") + 1]
    assert refused(head + b"[" * 100_000, vendor) is Why.SIGNATURE


def test_a_signed_but_unfit_document_is_refused_by_its_field(vendor: Vendor, customer: Customer) -> None:
    licence, _ = vendor.issue(customer.ask())
    whole = as_object(licence)
    cases: list[tuple[str, Json]] = [
        ("max_cards", 0),
        ("max_cards", "4"),
        ("max_cards", True),
        ("grace_days", -1),
        ("not_after", licence.not_before),
        ("not_after", 2**70),
        ("artifacts", []),
        ("id", "../../etc/passwd"),
        ("customer", "a\x1bname"),
        ("box", None),
    ]
    for name, value in cases:
        with pytest.raises(LicenceRefused) as caught:
            read_licence(signed_again({**whole, name: value}, vendor), roots=[vendor.root])
        assert caught.value.why is Why.DAMAGED, name
        assert "wrong at" in caught.value.message


def test_an_unknown_field_is_passed_over_unless_it_is_critical(vendor: Vendor, customer: Customer) -> None:
    licence, _ = vendor.issue(customer.ask())
    tolerant: JsonObject = {**as_object(licence), "colour": "blue"}
    assert read_licence(signed_again(tolerant, vendor), roots=[vendor.root]).document == licence
    assert refused(signed_again({**tolerant, "critical": ["colour"]}, vendor), vendor) is Why.NEWER_FORMAT


@pytest.mark.parametrize("spelling", ['{"a":1,"a":1}', '{"a": 1}', '{"b":1,"a":1}', '{"a":1.0}', '{"a":NaN}', "[]", ""])
def test_only_one_spelling_is_taken(vendor: Vendor, spelling: str) -> None:
    key = vendor.vault.key(ISSUER_KEY)
    template = seal_envelope(Kind.LICENCE, {}, key=key, certificate=vendor.certificate)
    first, certificate, _, _ = template.split(b"\n")
    signature = base64.b64encode(key.sign(b"\n".join([first, certificate, spelling.encode()])))
    raw = b"\n".join([first, certificate, signature, spelling.encode()])
    assert refused(raw, vendor) is Why.DAMAGED


def test_a_broken_chain_is_refused(vendor: Vendor, customer: Customer) -> None:
    _, raw = vendor.issue(customer.ask())
    stranger = Vendor(vendor.folder / "stranger")
    assert refused(raw, stranger) is Why.UNTRUSTED
    licence, _ = vendor.issue(customer.ask())
    key = vendor.vault.key(ISSUER_KEY)
    alone = seal_envelope(Kind.LICENCE, as_object(licence), key=key)
    assert refused(alone, vendor) is Why.UNTRUSTED
    borrowed = seal_envelope(Kind.LICENCE, as_object(licence), key=key, certificate=stranger.certificate)
    assert refused(borrowed, vendor) is Why.UNTRUSTED
    forged = seal_envelope(
        Kind.LICENCE, as_object(licence), key=Ed25519PrivateKey.generate(), certificate=vendor.certificate
    )
    assert refused(forged, vendor) is Why.SIGNATURE


def test_an_issuer_does_not_sign_as_a_root(vendor: Vendor, customer: Customer) -> None:
    """A certificate that the issuer signed for somebody else is no link of the chain."""
    licence, _ = vendor.issue(customer.ask())
    second = Vault(vendor.folder / "second")
    issuing.make_issuer(second, root_vault=Vendor(vendor.folder / "other").root_vault, name="x", at=START, days=9)
    body = json.loads(open_envelope(second.read("issuer.certificate"), Kind.ISSUER).payload)
    certificate = seal_envelope(Kind.ISSUER, body, key=vendor.vault.key(ISSUER_KEY))
    raw = seal_envelope(Kind.LICENCE, as_object(licence), key=second.key(ISSUER_KEY), certificate=certificate)
    assert refused(raw, vendor) is Why.UNTRUSTED


def test_what_an_issuer_dates_outside_its_certificate_is_refused(vendor: Vendor, customer: Customer) -> None:
    licence, _ = vendor.issue(customer.ask())
    for moment in (START - timedelta(days=5), START + timedelta(days=900)):
        late = {**as_object(licence), "issued_at": int(moment.timestamp())}
        assert refused(signed_again(late, vendor), vendor) is Why.ISSUER_EXPIRED


def test_another_algorithm_format_or_kind_is_refused(vendor: Vendor, customer: Customer) -> None:
    _, raw = vendor.issue(customer.ask())
    assert refused(raw.replace(b"ed25519", b"rsa-md5", 1), vendor) is Why.ALGORITHM
    assert refused(raw.replace(b"ed25519", b"none", 1), vendor) is Why.ALGORITHM
    assert refused(raw.replace(b"licence 1", b"licence 2", 1), vendor) is Why.NEWER_FORMAT
    assert refused(customer.ask(), vendor) is Why.WRONG_KIND
    issuing.revoke(vendor.vault, licence_ids=["lic-1"], at=START)
    assert refused(vendor.revocations_file, vendor) is Why.WRONG_KIND
    assert refused(vendor.revocations_file.replace(b"revocations", b"licence", 1), vendor) is Why.SIGNATURE


def test_an_oversize_file_is_refused_unread(vendor: Vendor, customer: Customer) -> None:
    _, raw = vendor.issue(customer.ask())
    padded = raw + b" " * MOST_BYTES[Kind.LICENCE]
    assert refused(padded, vendor) is Why.TOO_LARGE
    for read in (read_root, read_request):
        with pytest.raises(LicenceRefused, match="at most"):
            read(b"x" * (1024 * 1024))


def test_a_request_proves_that_it_is_whole(customer: Customer) -> None:
    raw = customer.ask()
    request = read_request(raw)
    assert request.public_key == base64.b64encode(customer.key.public_key).decode()
    assert set(request.factors) == {"dmi", "machine_id", "network", "accelerators", "disks", "tpm"}
    with pytest.raises(LicenceRefused) as caught:
        read_request(raw.replace(b"rack-1", b"rack-2"))
    assert caught.value.why is Why.SIGNATURE


def test_only_the_root_revokes_an_issuer(vendor: Vendor) -> None:
    made = issuing.revoke_issuer(vendor.root_vault, vault=vendor.vault, at=START)
    signed = read_revocations(vendor.revocations_file, roots=[vendor.root])
    assert (signed.document, signed.issuer) == (made, None)
    by_issuer = seal_envelope(
        Kind.REVOCATIONS, as_object(made), key=vendor.vault.key(ISSUER_KEY), certificate=vendor.certificate
    )
    with pytest.raises(LicenceRefused, match="Only the root"):
        read_revocations(by_issuer, roots=[vendor.root])


def test_revocation_lists_grow(vendor: Vendor) -> None:
    issuing.revoke(vendor.vault, licence_ids=["lic-2"], at=START)
    second = issuing.revoke(vendor.vault, licence_ids=["lic-1"], at=START + DAY)
    assert (second.epoch, second.licences) == (2, ["lic-1", "lic-2"])
