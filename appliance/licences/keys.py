"""The appliance's own key: 32 random bytes in a 0600 file of the home, from which two key pairs are derived.

X25519 takes data keys (`wrapping`), Ed25519 signs requests; HKDF keeps the two apart (RFC 5869, `info`). A better place
than a file is a credential sealed to the TPM: docs/operations/licences.md says how far that is.
"""

import base64
import binascii
import fcntl
import os

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from appliance.base.errors import SetupError
from appliance.base.paths import Home
from appliance.base.secret_files import Secret, ensure_secret, read_secret

SEED_BYTES = 32
PURPOSE = b"thousand-sails appliance key 1 "


class ApplianceKey:
    """Never shown: neither `repr` nor an error holds any of it."""

    __slots__ = ("_exchange", "_signing")

    def __init__(self, seed: bytes) -> None:
        if len(seed) != SEED_BYTES:
            raise damaged()
        self._exchange = X25519PrivateKey.from_private_bytes(derived(seed, b"x25519"))
        self._signing = Ed25519PrivateKey.from_private_bytes(derived(seed, b"ed25519"))

    def __repr__(self) -> str:
        return "ApplianceKey(...)"

    def __reduce__(self) -> str:
        raise TypeError("An appliance's key is not pickled.")

    @property
    def exchange(self) -> X25519PrivateKey:
        return self._exchange

    @property
    def signing(self) -> Ed25519PrivateKey:
        return self._signing

    @property
    def public_key(self) -> bytes:
        return self._exchange.public_key().public_bytes_raw()

    @property
    def public_signing_key(self) -> bytes:
        return self._signing.public_key().public_bytes_raw()


def derived(seed: bytes, name: bytes) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=PURPOSE + name).derive(seed)


def ensure_appliance_key(home: Home) -> ApplianceKey:
    """Read it, or make it: once, also where two ask at the same moment."""
    try:
        folder = os.open(home.secrets, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            return parse_seed(ensure_secret(home, Secret.APPLIANCE_KEY))
        finally:
            os.close(folder)
    except OSError as error:
        raise SetupError(
            f"The appliance's key cannot be made in {home.secrets}: {error.strerror}.",
            hint="The folder must be writable the first time that a licence is asked for.",
        ) from error


def read_appliance_key(home: Home) -> ApplianceKey:
    """Raises SetupError where there is none yet, or it is damaged."""
    return parse_seed(read_secret(home, Secret.APPLIANCE_KEY))


def parse_seed(text: str) -> ApplianceKey:
    """As `secret_files` writes it: URL-safe base64 without padding."""
    try:
        seed = base64.b64decode(text + "=", altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise damaged() from None
    return ApplianceKey(seed)


def damaged() -> SetupError:
    return SetupError(
        "The appliance's key is damaged.",
        hint=f"Restore secrets/{Secret.APPLIANCE_KEY.value} from a backup; with a new one every licence is void.",
    )
