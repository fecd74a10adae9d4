"""The vendor's two folders. The root's holds `root.key` and is brought out only to sign; the issuer's holds all else.

Private keys are PKCS #8 in PEM, 0600, encrypted where a passphrase is given.
"""

from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from appliance.base.errors import SetupError
from appliance.base.files import write_atomically

ROOT_KEY, ISSUER_KEY = "root.key", "issuer.key"
ROOT_FILE, ISSUER_FILE = "vendor.root", "issuer.certificate"
REVOCATIONS_FILE = "vendor.revocations"


@dataclass(frozen=True)
class Vault:
    """`passphrase` None: the keys lie there unencrypted."""

    folder: Path
    passphrase: bytes | None = None

    def __repr__(self) -> str:
        return f"Vault({self.folder})"

    def new_key(self, name: str) -> Ed25519PrivateKey:
        """Raises SetupError rather than write over a key."""
        path = self.folder / name
        if path.exists():
            raise SetupError(f"{path} is there already.", hint="A key is never written over; choose another folder.")
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = Ed25519PrivateKey.generate()
        write_atomically(path, self.encoded(key))
        return key

    def encoded(self, key: Ed25519PrivateKey) -> bytes:
        encryption = (
            serialization.BestAvailableEncryption(self.passphrase) if self.passphrase else serialization.NoEncryption()
        )
        return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)

    def key(self, name: str) -> Ed25519PrivateKey:
        try:
            found = serialization.load_pem_private_key(self.read(name), self.passphrase)
        except (ValueError, TypeError):
            raise SetupError(
                f"{self.folder / name} cannot be opened.", hint="Is it whole, and the passphrase the right one?"
            ) from None
        if not isinstance(found, Ed25519PrivateKey):
            raise SetupError(f"{self.folder / name} is no Ed25519 key.")
        return found

    def read(self, name: str) -> bytes:
        try:
            return (self.folder / name).read_bytes()
        except OSError as error:
            raise SetupError(
                f"{self.folder / name} cannot be read: {error.strerror}.", hint="`appliance-vendor keygen` makes keys."
            ) from error

    def write(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomically(path, content)
        return path

    def has(self, name: str) -> bool:
        return (self.folder / name).is_file()
