"""Ed25519 signatures: one key per appliance, others' public keys trusted only after an admin brought them.

Ed25519 is RFC 8032. A signature covers the exact bytes of a document, so it is checked before they are parsed.
"""

import base64
import binascii
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from pydantic import Field

from appliance.base.errors import BadRequest, Forbidden, NotFound, SetupError
from appliance.base.files import fsync_folder, write_atomically
from appliance.base.ids import new_uuid
from appliance.base.paths import Home
from appliance.weights.modelpack.documents import Document

KEY_ID_LENGTH = 64
SIGNATURE_LIMIT = 4096


class Signature(Document):
    """As JSON beside what it signs. The key in it only says whose signature it claims to be."""

    format: Literal[1] = 1
    algorithm: Literal["ed25519"] = "ed25519"
    public_key: str = Field(max_length=64)
    signature: str = Field(max_length=128)

    @property
    def key_id(self) -> str:
        return hashlib.sha256(decoded(self.public_key)).hexdigest()

    def covers(self, content: bytes) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(decoded(self.public_key)).verify(decoded(self.signature), content)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True)
class Keyring:
    """`private` is made when first needed; `trusted` holds one PEM file per key, named by its id."""

    private: Path
    trusted: Path

    def sign(self, content: bytes) -> Signature:
        key = self.private_key()
        return Signature(public_key=encoded(raw(key.public_key())), signature=encoded(key.sign(content)))

    def private_key(self) -> Ed25519PrivateKey:
        if not self.private.exists():
            make_key(self.private)
        try:
            key = load_pem_private_key(self.private.read_bytes(), password=None)
        except ValueError as error:
            raise SetupError(f"{self.private} is damaged.", hint="Restore it from a backup.") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise SetupError(f"{self.private} is no Ed25519 key.", hint="Restore it from a backup.")
        return key

    def public_pem(self) -> bytes:
        """What the other box imports."""
        return pem(self.private_key().public_key())

    def pem_of(self, identity: str) -> bytes:
        """Of a trusted key or of our own."""
        return self.public_pem() if identity == self.own_id() else (self.trusted / f"{identity}.pem").read_bytes()

    def own_id(self) -> str | None:
        return key_id(self.private_key().public_key()) if self.private.exists() else None

    def trust(self, public_pem: bytes) -> str:
        """Returns the key's id, which two people compare; raises BadRequest."""
        public = read_public(public_pem)
        self.trusted.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomically(self.trusted / f"{key_id(public)}.pem", pem(public))
        return key_id(public)

    def distrust(self, identity: str) -> None:
        if identity not in self.trusted_ids():
            raise NotFound(f"No key {identity[:16]} is trusted.", hint="The list of signing keys says which are.")
        (self.trusted / f"{identity}.pem").unlink()

    def trusted_ids(self) -> tuple[str, ...]:
        """A file counts only under the id of the key that is in it."""
        found = [path for path in sorted(self.trusted.glob("*.pem")) if is_key_file(path)]
        return tuple(path.stem for path in found)

    def trusts(self, identity: str) -> bool:
        return identity in self.trusted_ids() or identity == self.own_id()


def keyring_of(home: Home) -> Keyring:
    return Keyring(private=home.secrets / "export_signing_key.pem", trusted=home.root / "trusted_keys")


def check_signature(
    content: bytes, signature: Signature | None, *, keyring: Keyring, unsigned: bool, name: str
) -> str | None:
    """The id of the trusted key that signed, or None where `unsigned` lets it pass. Raises Forbidden.

    A signature that does not fit is refused whatever was said: somebody has changed the document.
    """
    if signature is not None and not signature.covers(content):
        raise Forbidden(
            f"{name} has been changed after it was signed.", hint="Export it again.", code="signature_mismatch"
        )
    if signature is not None and keyring.trusts(signature.key_id):
        return signature.key_id
    if unsigned:
        return None
    if signature is None:
        raise Forbidden(
            f"{name} carries no signature.",
            hint="Bring the signature along, or say --unsigned if you know where it comes from.",
            code="unsigned_artifact",
        )
    raise Forbidden(
        f"{name} is signed by the key {signature.key_id[:16]}…, which is not trusted here.",
        hint="Compare that id with its owner and import the public key, or say --unsigned.",
        code="untrusted_key",
        key_id=signature.key_id,
    )


def make_key(path: Path) -> None:
    """By a link, which fails where another process was faster, so that no signature is by a key that is lost."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    private = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    temporary = path.with_name(f".{path.name}.{new_uuid().hex}")
    write_atomically(temporary, private)
    try:
        os.link(temporary, path)
    except FileExistsError:
        return
    finally:
        temporary.unlink()
    fsync_folder(path.parent)


def read_public(content: bytes) -> Ed25519PublicKey:
    if len(content) > SIGNATURE_LIMIT:
        raise BadRequest("This is too long for a public key.", param="key")
    try:
        key = load_pem_public_key(content)
    except ValueError as error:
        raise BadRequest("This is no public key in PEM form.", param="key") from error
    if not isinstance(key, Ed25519PublicKey):
        raise BadRequest("This is a public key, but not of Ed25519.", param="key")
    return key


def identify(public_pem: bytes) -> str:
    """The id of a key that is not trusted yet; raises BadRequest where it is none."""
    return key_id(read_public(public_pem))


def is_key_file(path: Path) -> bool:
    try:
        return key_id(read_public(path.read_bytes())) == path.stem
    except BadRequest:
        return False


def key_id(key: Ed25519PublicKey) -> str:
    return hashlib.sha256(raw(key)).hexdigest()


def raw(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def pem(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
