"""Keys from the data encryption key (DEK) of an artifact: one per shard, and the name by which the DEK is known.

HKDF-SHA256 (RFC 5869) with the artifact's random identifier as salt: a DEK that a vendor uses again by mistake still
gives other keys for another artifact, so that no nonce repeats under a key.
"""

from contextlib import suppress

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from appliance.base.errors import BadRequest
from appliance.weights.sealed.form import ShardHeader

KEY_BYTES = 32
KEY_ID_BYTES = 16

Key = bytes | bytearray


def shard_cipher(dek: Key, header: ShardHeader) -> AESGCM:
    """The cipher of one shard; the key itself lives on only inside it."""
    with_place = f"thousand-sails/sealed/{header.format}/shard/{header.shard}/{header.shards}"
    key = expand(dek, artifact_id=header.artifact_id, purpose=with_place, length=KEY_BYTES)
    try:
        return AESGCM(key)
    finally:
        wipe(key)


def key_id(dek: Key, *, artifact_id: str) -> str:
    """Tells a wrong key at once, and commits to the right one, which AES-GCM by itself does not. Secret it is not."""
    return bytes(
        expand(dek, artifact_id=artifact_id, purpose="thousand-sails/sealed/key-id", length=KEY_ID_BYTES)
    ).hex()


def expand(dek: Key, *, artifact_id: str, purpose: str, length: int) -> bytearray:
    if len(dek) != KEY_BYTES:
        raise BadRequest(f"A key of sealed weights has {KEY_BYTES} bytes, not {len(dek)}.", code="sealed_weights_key")
    made = bytearray(length)
    HKDF(SHA256(), length, salt=bytes.fromhex(artifact_id), info=purpose.encode()).derive_into(dek, made)
    return made


def refuse_wrong_key(dek: Key, *, artifact_id: str, wanted: str) -> None:
    if key_id(dek, artifact_id=artifact_id) != wanted:
        raise BadRequest(
            "The key is not that of these sealed weights.",
            hint="The licence may be for another version of the model.",
            code="sealed_weights_key",
        )


def wipe(secret: Key) -> None:
    """Overwrite a key that can be overwritten; `bytes` cannot, so pass keys as `bytearray`."""
    with suppress(TypeError):
        secret[:] = bytes(len(secret))  # pyright: ignore[reportIndexIssue]
