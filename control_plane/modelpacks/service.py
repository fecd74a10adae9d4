"""Whose signature is taken: files of the home, as the import's process reads them there."""

from sqlalchemy.orm import Session

from appliance.base.errors import BadRequest
from appliance.weights.modelpack.signing import Keyring, identify
from control_plane.access.domain import Principal
from control_plane.audit.service import record


def trust_key(session: Session, principal: Principal, keyring: Keyring, *, public_pem: bytes, told: str | None) -> str:
    """Raises BadRequest where it is no key, or not the one that the admin was told of. Trusting twice is once."""
    identity = identify(public_pem)
    if told is not None and told.strip().lower() != identity:
        raise BadRequest(
            "This key has another id than the one that you were told.",
            hint="Ask its owner by another way than the one by which the file came.",
            param="key_id",
        )
    if identity not in keyring.trusted_ids():
        record(session, principal, "signing_key.trust", identity)
        session.flush()
        keyring.trust(public_pem)
    return identity


def distrust_key(session: Session, principal: Principal, keyring: Keyring, *, identity: str) -> None:
    """Raises NotFound. What was imported stays."""
    record(session, principal, "signing_key.distrust", identity)
    session.flush()
    keyring.distrust(identity)
