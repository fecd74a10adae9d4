"""A data key for one artifact, wrapped so that only one appliance opens it, and only for what it was wrapped for.

HPKE (RFC 9180) in base mode: X25519, HKDF-SHA256, AES-256-GCM, as the `cryptography` library has it. What the key is
bound to goes into HPKE's `info`: it enters the key schedule (RFC 9180, section 5.1), so another licence, another
fingerprint or another artifact opens nothing. (The library's call with associated data is private to it.)
"""

import base64
import hashlib

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

from appliance.licences.canonical import canonical
from appliance.licences.documents import Fingerprint, Licence, as_object
from appliance.licences.keys import ApplianceKey
from appliance.licences.refusal import LicenceRefused, Why

DATA_KEY_BYTES = 32
SUITE = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


def wrap(data_key: bytes, *, public_key: bytes, licence_id: str, fingerprint: Fingerprint, digest: str) -> str:
    """For the vendor: base64 of 80 bytes."""
    if len(data_key) != DATA_KEY_BYTES:
        raise ValueError(f"A data key has {DATA_KEY_BYTES} bytes.")
    bound = binding(licence_id, fingerprint=fingerprint, digest=digest)
    wrapped = SUITE.encrypt(data_key, X25519PublicKey.from_public_bytes(public_key), info=bound)
    return base64.b64encode(wrapped).decode()


def unwrap(licence: Licence, artifact_digest: str, appliance_key: ApplianceKey) -> bytes:
    """The 256-bit data key of the artifact, for whoever decrypts; keep it out of logs, environment and arguments.

    Raises LicenceRefused where the licence does not cover the artifact or this is not the appliance it was made for.
    Says nothing of dates: ask `Portfolio.may_load` first.
    """
    artifact = licence.artifact(artifact_digest)
    if artifact is None:
        raise LicenceRefused(
            Why.UNKNOWN_ARTIFACT, f"The licence {licence.id} does not cover the artifact {artifact_digest[:12]}."
        )
    bound = binding(licence.id, fingerprint=licence.box.fingerprint, digest=artifact_digest)
    try:
        data_key = SUITE.decrypt(base64.b64decode(artifact.wrapped_key), appliance_key.exchange, info=bound)
    except (InvalidTag, ValueError):
        data_key = b""
    if len(data_key) != DATA_KEY_BYTES:
        raise LicenceRefused(
            Why.KEY,
            f"The licence {licence.id} does not open {artifact.name} on this appliance.",
            hint="It was made for another key; send the vendor a new request of this appliance.",
        )
    return data_key


def binding(licence_id: str, *, fingerprint: Fingerprint, digest: str) -> bytes:
    return canonical(
        {
            "artifact": digest,
            "fingerprint": fingerprint_digest(fingerprint),
            "licence": licence_id,
            "purpose": "thousand-sails data key 1",
        }
    )


def fingerprint_digest(fingerprint: Fingerprint) -> str:
    return hashlib.sha256(canonical(as_object(fingerprint))).hexdigest()
