"""The manifest of a sealed artifact: every file of it, signed by the vendor. Its digest is what a licence names.

`SEALED.json` is a DSSE envelope (github.com/secure-systems-lab/dsse, envelope.md and protocol.md) around the manifest,
signed with Ed25519. The signature is checked over the payload's very bytes before they are read as JSON. Small files
(configuration, tokenizer, chat template, licence text) stay plain, because the engine reads them by their names long
before it asks for weights; the manifest covers them with their digests.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from appliance.base.errors import BadRequest
from appliance.weights.sealed import form
from appliance.weights.sealed.form import Json, ShardHeader, damaged

ARTIFACT_FILE = "SEALED.json"
PAYLOAD_TYPE = "application/vnd.thousand-sails.sealed-weights.v1+json"
LARGEST_MANIFEST_BYTES = 64 * 1024 * 1024
LARGEST_PLAIN_BYTES = 256 * 1024 * 1024
HASH_CHUNK_BYTES = 1024 * 1024


@dataclass(frozen=True)
class ArtifactFile:
    """`shard` is the number of a sealed file, None of one that stays plain."""

    path: str
    bytes: int
    sha256: str
    shard: int | None


@dataclass(frozen=True)
class Artifact:
    """`digest` is SHA-256 of the signed bytes: it names this artifact and no other."""

    model_id: str
    artifact_id: str
    key_id: str
    chunk_bytes: int
    files: tuple[ArtifactFile, ...]
    digest: str

    @property
    def shards(self) -> tuple[ArtifactFile, ...]:
        """The sealed files, in the order of their numbers."""
        return tuple(sorted((file for file in self.files if file.shard is not None), key=lambda file: file.shard or 0))

    @property
    def plain(self) -> tuple[ArtifactFile, ...]:
        return tuple(file for file in self.files if file.shard is None)


def sign(document: Json, *, signer: Ed25519PrivateKey) -> bytes:
    """The envelope around a manifest, as it is written to `SEALED.json`."""
    payload = form.canonical(document)
    name = key_name(signer.public_key())
    signature = {"keyid": name, "sig": encode(signer.sign(signed_bytes(payload)))}
    return form.canonical({"payload": encode(payload), "payloadType": PAYLOAD_TYPE, "signatures": [signature]})


def manifest_document(first: ShardHeader, files: Sequence[ArtifactFile]) -> Json:
    return {
        "format": first.format,
        "algorithm": first.algorithm,
        "model_id": first.model_id,
        "artifact_id": first.artifact_id,
        "key_id": first.key_id,
        "chunk_bytes": first.chunk_bytes,
        "files": [asdict(file) for file in sorted(files, key=lambda file: file.path)],
    }


def read_signed(folder: Path, *, vendors: Sequence[Ed25519PublicKey]) -> Artifact:
    """The artifact in `folder`, where one of `vendors` has signed it. Raises BadRequest where none has."""
    payload, signatures = read_envelope(folder)
    for vendor in vendors:
        for signature in signatures:
            if is_signed(payload, signature, by=vendor):
                return artifact_of(payload)
    raise BadRequest(
        f"{folder / ARTIFACT_FILE} is not signed by a vendor that this appliance knows.",
        hint="Add the vendor's public key, or bring the artifact again.",
        code="sealed_weights_signature",
    )


def read_named(folder: Path, *, digest: str) -> Artifact:
    """The artifact in `folder` where it is the one that `digest` names, as a licence does: no signature is needed."""
    payload, _ = read_envelope(folder)
    if not hmac.compare_digest(hashlib.sha256(payload).hexdigest(), digest):
        raise BadRequest(
            f"{folder} holds another artifact than the one that was asked for.",
            hint="The licence names one version of a model by its digest.",
            code="sealed_weights_artifact",
        )
    return artifact_of(payload)


def digest_in(folder: Path) -> str | None:
    """The digest by which a licence would name the artifact in `folder`; None where there is none. Nothing is said of
    who signed it: what a licence opens is checked against this digest.
    """
    if not (folder / ARTIFACT_FILE).is_file():
        return None
    payload, _ = read_envelope(folder)
    return artifact_of(payload).digest


def check_plain_files(folder: Path, artifact: Artifact) -> None:
    """Raises BadRequest that names the first plain file that is missing or not as it was signed."""
    for file in artifact.plain:
        path = folder / file.path
        if not path.is_file() or path.stat().st_size != file.bytes or sha256_of(path) != file.sha256:
            raise damaged(file.path, "it is missing or not the signed one.")


def read_envelope(folder: Path) -> tuple[bytes, list[bytes]]:
    path = folder / ARTIFACT_FILE
    if not path.is_file():
        raise damaged(ARTIFACT_FILE, "it is missing.")
    if path.stat().st_size > LARGEST_MANIFEST_BYTES:
        raise damaged(ARTIFACT_FILE, "it is too large.")
    envelope = form.parse_object(path.read_bytes(), what=ARTIFACT_FILE)
    signatures = envelope.get("signatures")
    if envelope.get("payloadType") != PAYLOAD_TYPE or not isinstance(signatures, list):
        raise damaged(ARTIFACT_FILE, "it is no signed manifest of sealed weights.")
    entries = (cast(Json, entry) for entry in cast(list[object], signatures) if isinstance(entry, dict))
    return decode(envelope.get("payload")), [decode(entry.get("sig")) for entry in entries]


def is_signed(payload: bytes, signature: bytes, *, by: Ed25519PublicKey) -> bool:
    try:
        by.verify(signature, signed_bytes(payload))
    except InvalidSignature:
        return False
    return True


def artifact_of(payload: bytes) -> Artifact:
    """Only of bytes whose signature or digest was checked."""
    document = form.parse_object(payload, what=ARTIFACT_FILE)
    form.refuse_newer(document, what=ARTIFACT_FILE)
    entries = document.get("files")
    if not isinstance(entries, list) or document.get("algorithm") != form.ALGORITHM:
        raise damaged(ARTIFACT_FILE, "it lists no files.")
    artifact = Artifact(
        model_id=form.name_in(document, "model_id", what=ARTIFACT_FILE),
        artifact_id=form.identifier_in(document, "artifact_id", what=ARTIFACT_FILE),
        key_id=form.identifier_in(document, "key_id", what=ARTIFACT_FILE),
        chunk_bytes=form.number_in(
            document, "chunk_bytes", form.CHUNK_STEP, form.LARGEST_CHUNK_BYTES, what=ARTIFACT_FILE
        ),
        files=tuple(file_of(entry) for entry in cast(list[object], entries)),
        digest=hashlib.sha256(payload).hexdigest(),
    )
    if [file.shard for file in artifact.shards] != list(range(len(artifact.shards))) or not artifact.shards:
        raise damaged(ARTIFACT_FILE, "its shards are not numbered from 0 without gaps.")
    return artifact


def file_of(entry: object) -> ArtifactFile:
    fields = cast(Json, entry) if isinstance(entry, dict) else {}
    path, digest = fields.get("path"), fields.get("sha256")
    if not isinstance(path, str) or not is_inside(path) or not isinstance(digest, str) or len(digest) != 64:
        raise damaged(ARTIFACT_FILE, "it lists a file without a proper path or digest.")
    sealed = fields.get("shard") is not None
    most = form.MOST_BYTES if sealed else LARGEST_PLAIN_BYTES
    return ArtifactFile(
        path=path,
        bytes=form.number_in(fields, "bytes", 0, most, what=path),
        sha256=digest,
        shard=form.number_in(fields, "shard", 0, form.MOST_SHARDS - 1, what=path) if sealed else None,
    )


def is_inside(path: str) -> bool:
    """Whether a path stays below the artifact's folder."""
    pure = PurePosixPath(path)
    return bool(pure.parts) and not pure.is_absolute() and ".." not in pure.parts and path.isprintable()


def signed_bytes(payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding: type and payload with their lengths, so that neither can pass for more."""
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def key_name(public: Ed25519PublicKey) -> str:
    """A hint only; nothing trusts it."""
    return hashlib.sha256(public.public_bytes_raw()).hexdigest()[:16]


def sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as stream:
        while chunk := stream.read(HASH_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def encode(content: bytes) -> str:
    return base64.b64encode(content).decode()


def decode(text: object) -> bytes:
    try:
        return base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except ValueError as error:
        raise damaged(ARTIFACT_FILE, "it is not base64 where it must be.") from error
