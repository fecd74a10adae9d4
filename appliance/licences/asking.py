"""Make the file with which a box asks its vendor for a licence. No network: a person carries it."""

import base64
import secrets
from dataclasses import dataclass
from datetime import datetime

from appliance.licences.documents import LicenceRequest, as_object
from appliance.licences.envelope import Kind, seal_envelope
from appliance.licences.fingerprint import Observation
from appliance.licences.keys import ApplianceKey

SALT_BYTES = 32


@dataclass(frozen=True)
class Asker:
    """Who asks; for people."""

    box_id: str
    hostname: str
    appliance_version: str


def make_request(asker: Asker, *, key: ApplianceKey, observation: Observation, at: datetime) -> bytes:
    """Public keys, a fresh salt, and hashes: nothing in it opens anything."""
    salt = secrets.token_bytes(SALT_BYTES)
    request = LicenceRequest(
        box_id=asker.box_id,
        hostname=asker.hostname,
        appliance_version=asker.appliance_version,
        public_key=as_base64(key.public_key),
        signing_key=as_base64(key.public_signing_key),
        nonce=as_base64(secrets.token_bytes(SALT_BYTES)),
        salt=as_base64(salt),
        factors=observation.hashes(salt),
        created_at=int(at.timestamp()),
    )
    return seal_envelope(Kind.REQUEST, as_object(request), key=key.signing)


def as_base64(value: bytes) -> str:
    return base64.b64encode(value).decode()
