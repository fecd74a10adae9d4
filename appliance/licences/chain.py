"""Who signed it: root (offline, trusted by the admin) -> issuer (expires) -> document.

Checked from the top, each signature over exact bytes before what it covers is parsed: the issuer's certificate is read
only once a trusted root's signature on it holds, the document only once the issuer's holds.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from appliance.licences.documents import (
    Document,
    DocumentT,
    IssuerCertificate,
    Licence,
    LicenceRequest,
    Revocations,
    RootDocument,
    parse_document,
)
from appliance.licences.envelope import Envelope, Kind, open_envelope
from appliance.licences.refusal import LicenceRefused, Why

ReadT = TypeVar("ReadT", bound=Document)


@dataclass(frozen=True)
class Root:
    """`fingerprint` is the SHA-256 of the public key: what an admin compares with what the vendor told them."""

    name: str
    public_key: bytes

    @property
    def fingerprint(self) -> str:
        return fingerprint_of(self.public_key)


@dataclass(frozen=True)
class Signed(Generic[ReadT]):
    """A document, and who answers for it. `issuer` None: the root signed it itself."""

    document: ReadT
    root: Root
    issuer: IssuerCertificate | None

    @property
    def issuer_fingerprint(self) -> str | None:
        return fingerprint_of(base64.b64decode(self.issuer.public_key)) if self.issuer else None


def fingerprint_of(public_key: bytes) -> str:
    return hashlib.sha256(public_key).hexdigest()


def read_root(raw: bytes) -> Root:
    """A root that nobody trusts yet.

    The one document that is read before its signature is checked, as the key stands in it: 4 KiB at most.
    """
    envelope = open_envelope(raw, Kind.ROOT)
    document = parse_document(envelope.payload, RootDocument)
    root = Root(document.name, base64.b64decode(document.public_key))
    if not envelope.is_signed_by(root.public_key):
        raise wrong_signature("root")
    return root


def read_request(raw: bytes) -> LicenceRequest:
    """For the vendor. Like a root it carries its own key, so it is read (64 KiB at most) to find it."""
    envelope = open_envelope(raw, Kind.REQUEST)
    request = parse_document(envelope.payload, LicenceRequest)
    if not envelope.is_signed_by(base64.b64decode(request.signing_key)):
        raise wrong_signature("request")
    return request


def read_licence(raw: bytes, *, roots: Sequence[Root]) -> Signed[Licence]:
    """Raises LicenceRefused; also where the issuer had no right to sign at the time the licence names."""
    signed = read_signed(raw, Kind.LICENCE, roots=roots, model=Licence)
    check_issuer(signed, at=signed.document.issued_at)
    return signed


def read_revocations(raw: bytes, *, roots: Sequence[Root]) -> Signed[Revocations]:
    signed = read_signed(raw, Kind.REVOCATIONS, roots=roots, model=Revocations)
    check_issuer(signed, at=signed.document.issued_at)
    if signed.issuer is not None and signed.document.issuers:
        raise LicenceRefused(Why.UNTRUSTED, "Only the root may revoke an issuer, and an issuer signed this list.")
    return signed


def read_signed(raw: bytes, kind: Kind, *, roots: Sequence[Root], model: type[DocumentT]) -> Signed[DocumentT]:
    envelope = open_envelope(raw, kind)
    if envelope.certificate is None:
        if kind is Kind.LICENCE:
            raise LicenceRefused(Why.UNTRUSTED, "The licence carries no issuer's certificate.")
        root, issuer = signing_root(envelope, roots), None
    else:
        root, issuer = read_certificate(envelope.certificate, roots=roots)
        if not envelope.is_signed_by(base64.b64decode(issuer.public_key)):
            raise wrong_signature(kind.value)
    return Signed(parse_document(envelope.payload, model), root, issuer)


def read_certificate(raw: bytes, *, roots: Sequence[Root]) -> tuple[Root, IssuerCertificate]:
    envelope = open_envelope(raw, Kind.ISSUER)
    root = signing_root(envelope, roots)
    return root, parse_document(envelope.payload, IssuerCertificate)


def signing_root(envelope: Envelope, roots: Sequence[Root]) -> Root:
    for root in roots:
        if envelope.is_signed_by(root.public_key):
            return root
    raise LicenceRefused(
        Why.UNTRUSTED,
        f"No vendor's root that this appliance trusts has signed this {envelope.kind.value}, or it was changed.",
        hint="`appliance licence trust FILE` takes a vendor's root; compare its fingerprint with the vendor first.",
    )


def check_issuer(signed: Signed[DocumentT], *, at: int) -> None:
    """`at`: a moment at which the issuer must have been allowed to sign."""
    issuer = signed.issuer
    if issuer is not None and not issuer.not_before <= at <= issuer.not_after:
        raise LicenceRefused(
            Why.ISSUER_EXPIRED,
            "The issuer's certificate was not valid at that time.",
            hint="Ask the vendor for a file that a current issuer signed.",
        )


def wrong_signature(what: str) -> LicenceRefused:
    return LicenceRefused(
        Why.SIGNATURE, f"The signature of this {what} is wrong: the file was changed.", hint="Copy it again, as it is."
    )
