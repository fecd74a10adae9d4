"""The file around every signed document: three short lines that need no parser, then the exact bytes that were signed.

    thousand-sails licence 1 ed25519
    <base64 of the issuer's certificate, or ->
    <base64 of the signature>
    <canonical JSON>

The signature covers the first two lines and the JSON, so a document cannot be shown as another kind or under another
certificate. Whoever reads checks it before a single byte of the JSON is looked at. The name of the algorithm is
compared with the one that there is, never used to choose one (the mistake behind RFC 8725, section 3.1).
"""

import base64
import binascii
from dataclasses import dataclass
from enum import StrEnum

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from appliance.licences.canonical import JsonObject, canonical
from appliance.licences.refusal import LicenceRefused, Why

PRODUCT = b"thousand-sails"
FORMAT = 1
ALGORITHM = b"ed25519"
NO_CERTIFICATE = b"-"
PUBLIC_KEY_BYTES = 32
SIGNATURE_BYTES = 64


class Kind(StrEnum):
    ROOT = "root"
    ISSUER = "issuer"
    LICENCE = "licence"
    REVOCATIONS = "revocations"
    REQUEST = "request"


MOST_BYTES = {
    Kind.ROOT: 4 * 1024,
    Kind.ISSUER: 4 * 1024,
    Kind.LICENCE: 256 * 1024,
    Kind.REVOCATIONS: 1024 * 1024,
    Kind.REQUEST: 64 * 1024,
}
LARGEST_BYTES = max(MOST_BYTES.values())


@dataclass(frozen=True)
class Envelope:
    """`payload` is unread. `certificate` is the issuer's own envelope, None where no issuer stands between."""

    kind: Kind
    certificate: bytes | None
    signature: bytes
    payload: bytes
    signed: bytes

    def is_signed_by(self, public_key: bytes) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(public_key).verify(self.signature, self.signed)
        except (InvalidSignature, ValueError):
            return False
        return True


def kind_of(raw: bytes) -> Kind:
    """From the first line alone; nothing is proved by it."""
    words = first_line(raw).split(b" ")
    for kind in Kind:
        if len(words) == 4 and words[1] == kind.value.encode():
            return kind
    raise not_ours()


def open_envelope(raw: bytes, kind: Kind) -> Envelope:
    """Take the lines apart and nothing more; raises LicenceRefused."""
    if len(raw) > MOST_BYTES[kind]:
        raise LicenceRefused(
            Why.TOO_LARGE, f"The file has {len(raw)} bytes; a {kind.value} file has at most {MOST_BYTES[kind]}."
        )
    check_first_line(first_line(raw), kind)
    lines = raw.split(b"\n", 3)
    if len(lines) != 4:
        raise not_ours()
    first, certificate, signature, payload = lines
    return Envelope(
        kind=kind,
        certificate=None if certificate == NO_CERTIFICATE else from_base64(certificate),
        signature=from_base64(signature, n_bytes=SIGNATURE_BYTES),
        payload=payload,
        signed=to_be_signed(first, certificate, payload),
    )


def seal_envelope(
    kind: Kind, document: JsonObject, *, key: Ed25519PrivateKey, certificate: bytes | None = None
) -> bytes:
    """The whole file."""
    first = b" ".join([PRODUCT, kind.value.encode(), str(FORMAT).encode(), ALGORITHM])
    middle = NO_CERTIFICATE if certificate is None else base64.b64encode(certificate)
    payload = canonical(document)
    signature = base64.b64encode(key.sign(to_be_signed(first, middle, payload)))
    return b"\n".join([first, middle, signature, payload])


def to_be_signed(first: bytes, certificate: bytes, payload: bytes) -> bytes:
    return b"\n".join([first, certificate, payload])


def first_line(raw: bytes) -> bytes:
    return raw[:64].partition(b"\n")[0]


def check_first_line(line: bytes, kind: Kind) -> None:
    words = line.split(b" ")
    if len(words) != 4 or words[0] != PRODUCT:
        raise not_ours()
    if words[1] != kind.value.encode():
        raise LicenceRefused(Why.WRONG_KIND, f"This is not a {kind.value} file.", hint="Look at its first line.")
    if words[2] != str(FORMAT).encode():
        raise LicenceRefused(
            Why.NEWER_FORMAT, f"This file's format is not {FORMAT}.", hint="Use the version of the appliance it is for."
        )
    if words[3] != ALGORITHM:
        raise LicenceRefused(Why.ALGORITHM, "This file is signed with an algorithm that is not Ed25519.")


def from_base64(text: bytes, *, n_bytes: int | None = None) -> bytes:
    """Strict: only the one spelling that encoding gives."""
    try:
        value = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise not_ours() from None
    if base64.b64encode(value) != text or (n_bytes is not None and len(value) != n_bytes):
        raise not_ours()
    return value


def not_ours() -> LicenceRefused:
    return LicenceRefused(
        Why.DAMAGED, "This is no licence file of this appliance, or it is damaged.", hint="Copy it again, as it is."
    )
