"""Secrets of others (an endpoint's API key) at rest: AES-256-GCM under the box's key-encryption key.

`v1.<key id>.<base64url of nonce and ciphertext>`. The context is authenticated (NIST SP 800-38D, "additional
authenticated data"), so that a sealed text moved to another row does not open. The key id tells a lost or changed key
from a damaged text. Key and id are derived with HKDF (RFC 5869), so the file's secret is used for nothing directly.
"""

import base64
import binascii
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from appliance.base.errors import SetupError

VERSION = "v1"
NONCE_BYTES = 12


class SealBroken(SetupError):
    """A sealed secret does not open; never says what was in it."""

    code = "seal_broken"


class Sealer:
    """Seals and opens with one key-encryption key, the text of `secrets/key_encryption_key`."""

    def __init__(self, key_encryption_key: str) -> None:
        material = key_encryption_key.encode()
        self._cipher = AESGCM(derive(material, purpose=b"thousand-sails sealing key 1", length=32))
        self.key_id = derive(material, purpose=b"thousand-sails sealing key id 1", length=4).hex()

    def seal(self, secret: str, *, context: str) -> str:
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = nonce + self._cipher.encrypt(nonce, secret.encode(), context.encode())
        return f"{VERSION}.{self.key_id}.{base64.urlsafe_b64encode(sealed).decode()}"

    def open(self, sealed: str, *, context: str) -> str:
        """Raises SealBroken where the text is damaged, was sealed with another key or for another context."""
        version, _, rest = sealed.partition(".")
        key_id, _, text = rest.partition(".")
        if version != VERSION:
            raise SealBroken("A sealed secret has a form that this version does not know.")
        if key_id != self.key_id:
            raise SealBroken(
                "A secret was sealed with another key-encryption key.",
                hint="Bring back secrets/key_encryption_key from a backup, or enter the secret again.",
            )
        try:
            content = base64.b64decode(text, altchars=b"-_", validate=True)
            return self._cipher.decrypt(content[:NONCE_BYTES], content[NONCE_BYTES:], context.encode()).decode()
        except (InvalidTag, ValueError, binascii.Error) as error:
            raise SealBroken("A sealed secret is damaged.", hint="Enter the secret again.") from error


def derive(material: bytes, *, purpose: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=purpose).derive(material)
