"""Sealed artifacts and their data keys: one random key per artifact, never used for a second one.

The format belongs to `appliance.weights.sealed`; this module alone calls it.
"""

import importlib
import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from appliance.base.errors import SetupError
from appliance.licences.wrapping import DATA_KEY_BYTES
from appliance.vendor.vault import ISSUER_KEY, Vault

SEALED = "appliance.weights.sealed.sealing"
FOLDER = "artifacts"


@dataclass(frozen=True, repr=False)
class Artifact:
    digest: str
    name: str
    data_key: bytes

    def __repr__(self) -> str:
        return f"Artifact({self.digest}, {self.name})"


class SealedArtifact(Protocol):
    """What sealing answers with."""

    @property
    def digest(self) -> str: ...


class SealedFormat(Protocol):
    """The two names of `appliance.weights.sealed.sealing` that are used here."""

    def Terms(self, *, model_id: str, signer: Ed25519PrivateKey) -> object: ...  # noqa: N802

    def seal(self, folder: Path, out: Path, *, dek: bytes, terms: object) -> SealedArtifact: ...


def seal(folder: Path, out: Path, *, name: str, vault: Vault) -> Artifact:
    """Seal the weights in `folder` under a new key, signed by the issuer; the key is kept in the vault."""
    form, signer = sealed_format(), vault.key(ISSUER_KEY)
    data_key = secrets.token_bytes(DATA_KEY_BYTES)
    sealed = form.seal(folder, out, dek=data_key, terms=form.Terms(model_id=name, signer=signer))
    artifact = Artifact(sealed.digest, name, data_key)
    keep(artifact, vault)
    return artifact


def sealed_format() -> SealedFormat:
    """The one place that knows the sealed format's name. Loaded late: issuing and revoking do without it."""
    try:
        return cast(SealedFormat, importlib.import_module(SEALED))
    except ImportError as error:
        raise SetupError(
            "This version cannot seal weights: its sealed format is missing.",
            hint="Use a version that has `appliance.weights.sealed`.",
        ) from error


def keep(artifact: Artifact, vault: Vault) -> None:
    """0600, in the vault; back it up with the vault, for without it the artifact is noise."""
    document = {"digest": artifact.digest, "name": artifact.name, "data_key": artifact.data_key.hex()}
    vault.write(place(artifact.digest), json.dumps(document).encode())


def find_artifact(digest: str, *, vault: Vault) -> Artifact:
    """By its digest, or the beginning of it where only one fits."""
    names = sorted(path.stem for path in (vault.folder / FOLDER).glob("*.json") if path.stem.startswith(digest))
    if len(names) != 1:
        found = "no artifact" if not names else f"{len(names)} artifacts"
        raise SetupError(
            f"There is {found} {digest[:64]!r} in {vault.folder}.", hint="`appliance-vendor seal` adds one."
        )
    try:
        document = json.loads(vault.read(place(names[0])))
        return Artifact(str(document["digest"]), str(document["name"]), bytes.fromhex(document["data_key"]))
    except (ValueError, KeyError, TypeError):
        raise SetupError(f"The key of the artifact {names[0][:12]} is damaged.", hint="Restore the vault.") from None


def place(digest: str) -> str:
    return f"{FOLDER}/{digest}.json"
