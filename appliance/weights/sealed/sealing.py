"""From a model's folder to a sealed artifact: the vendor's side.

One chunk is in memory at a time. Everything is written to a hidden folder beside the target, `SEALED.json` last, and
the folder gets its name by one rename: what a killed run leaves behind has another name and no manifest, and the next
run removes it and starts anew, with a new artifact identifier and so with new keys.
"""

import fcntl
import hashlib
import os
import secrets
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from appliance.base.errors import BadRequest, Conflict
from appliance.base.files import fsync_folder, write_atomically
from appliance.weights.blobs import Advance, require_space
from appliance.weights.safety import Candidate, examine_folder
from appliance.weights.sealed import form
from appliance.weights.sealed.artifact import (
    ARTIFACT_FILE,
    HASH_CHUNK_BYTES,
    Artifact,
    ArtifactFile,
    manifest_document,
    read_signed,
    sign,
)
from appliance.weights.sealed.derive import Key, key_id, shard_cipher
from appliance.weights.sealed.form import CHUNK_BYTES, SUFFIX, ShardHeader
from appliance.weights.sealed.tensors import TensorPlace, parse_table, table_bytes

WEIGHTS = ".safetensors"
INDEX = ".safetensors.index.json"
HEAD_NAMES = ("lm_head.weight", "model.lm_head.weight")


@dataclass(frozen=True)
class Terms:
    """What the vendor decides: the model's name in licences, the signing key, and how large chunks are."""

    model_id: str
    signer: Ed25519PrivateKey
    chunk_bytes: int = CHUNK_BYTES


def silent(_: int) -> None:
    """The callback of those who do not watch."""


def seal(folder: Path, out: Path, *, dek: Key, terms: Terms, advance: Advance = silent) -> Artifact:
    """Seal the model in `folder` into the new folder `out`; `advance` hears the plain bytes of each chunk.

    Raises BadRequest for what is not a safetensors model or what an engine could not load sealed, Insufficient where
    the disk is short, Conflict where `out` exists or another run is writing it.
    """
    files = examine_folder(folder).files
    weights = [file for file in files if file.path.endswith(WEIGHTS)]
    plain = [file for file in files if not file.path.endswith((WEIGHTS, INDEX))]
    refuse_others(weights, plain)
    if out.exists():
        raise Conflict(f"{out} exists.", hint="Give a new folder.")
    out.parent.mkdir(parents=True, exist_ok=True)
    with staging_folder(out) as staging:
        require_space(staging, need_bytes=sum(file.bytes for file in files))
        first = first_header(weights, dek=dek, terms=terms)
        sealed = seal_shards(folder, staging, weights, first=first, dek=dek, advance=advance)
        copied = [copy_plain(folder, staging, file, advance=advance) for file in plain]
        document = manifest_document(first, [*sealed, *copied])
        for inner in {(staging / file.path).parent for file in [*sealed, *copied]}:
            fsync_folder(inner)
        write_atomically(staging / ARTIFACT_FILE, sign(document, signer=terms.signer), mode=0o444)
        staging.rename(out)
        fsync_folder(out.parent)
    return read_signed(out, vendors=[terms.signer.public_key()])


def refuse_others(weights: list[Candidate], plain: list[Candidate]) -> None:
    if not weights or any(file.path.endswith((".gguf", SUFFIX)) for file in plain):
        raise BadRequest("Only models in safetensors can be sealed.", code="sealed_weights_source")
    if any(file.path == ARTIFACT_FILE for file in plain):
        raise BadRequest("This folder is sealed already.", code="sealed_weights_source")


@contextmanager
def staging_folder(out: Path) -> Generator[Path]:
    """An empty hidden folder beside `out`, held by this process alone; a failed run leaves nothing of it."""
    staging = out.with_name(f".{out.name}.sealing")
    staging.mkdir(mode=0o700, exist_ok=True)
    held = os.open(staging, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        empty(staging)
        yield staging
    except BlockingIOError as error:
        raise Conflict(f"Another run is writing {out}.", hint="Wait for it, or give another folder.") from error
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    finally:
        os.close(held)


def empty(folder: Path) -> None:
    for entry in folder.iterdir():
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


def first_header(weights: list[Candidate], *, dek: Key, terms: Terms) -> ShardHeader:
    """The header that the shards share, but for their numbers and sizes."""
    artifact_id = secrets.token_hex(16)
    return ShardHeader(
        model_id=terms.model_id,
        artifact_id=artifact_id,
        key_id=key_id(dek, artifact_id=artifact_id),
        shard=0,
        shards=len(weights),
        chunk_bytes=terms.chunk_bytes,
        plain_bytes=weights[0].bytes,
    )


def seal_shards(
    folder: Path, staging: Path, weights: list[Candidate], *, first: ShardHeader, dek: Key, advance: Advance
) -> list[ArtifactFile]:
    sealed: list[ArtifactFile] = []
    names: set[str] = set()
    for number, file in enumerate(weights):
        header = replace(first, shard=number, plain_bytes=file.bytes)
        target = staging / f"{file.path}{SUFFIX}"
        target.parent.mkdir(parents=True, exist_ok=True)
        with (folder / file.path).open("rb", buffering=0) as source:
            names |= {place.name for place in table_of(source, file)}
            with target.open("xb", buffering=0) as sink:
                digest = write_shard(source, sink, header=header, cipher=shard_cipher(dek, header), advance=advance)
        sealed.append(ArtifactFile(f"{file.path}{SUFFIX}", form.sealed_bytes(header), digest, number))
    refuse_what_names_decide(folder, names)
    return sealed


def table_of(source: BinaryIO, file: Candidate) -> tuple[TensorPlace, ...]:
    length = table_bytes(source.read(8), plain_bytes=file.bytes, what=file.path)
    places = parse_table(read_exactly(source, length, file.path), plain_bytes=file.bytes, what=file.path)
    source.seek(0)
    return places


def write_shard(source: BinaryIO, sink: BinaryIO, *, header: ShardHeader, cipher: AESGCM, advance: Advance) -> str:
    """The SHA-256 of the sealed file, which is on the disk when this returns."""
    block_digest = form.block_digest(header)
    digest = hashlib.sha256()
    write_all(sink, form.preamble(header.block()), digest=digest)
    for chunk in range(header.chunks):
        plain = read_exactly(source, header.chunk_size(chunk), "a source file")
        beside = form.bound(header, block_digest=block_digest, chunk=chunk)
        write_all(sink, cipher.encrypt(form.nonce(chunk), plain, beside), digest=digest)
        advance(len(plain))
    if source.read(1):
        raise BadRequest("A source file grew while it was read.", code="sealed_weights_source")
    os.fchmod(sink.fileno(), 0o444)
    os.fsync(sink.fileno())
    return digest.hexdigest()


def read_exactly(source: BinaryIO, length: int, what: str) -> bytes:
    """`length` bytes: an unbuffered read may stop earlier."""
    read = bytearray()
    while len(read) < length:
        piece = source.read(length - len(read))
        if not piece:
            raise BadRequest(f"{what} became shorter while it was read.", code="sealed_weights_source")
        read += piece
    return bytes(read)


def write_all(sink: BinaryIO, content: bytes, *, digest: "hashlib._Hash") -> None:  # pyright: ignore[reportPrivateUsage]
    digest.update(content)
    view = memoryview(content)
    while view:
        view = view[sink.write(view) :]


def copy_plain(folder: Path, staging: Path, file: Candidate, *, advance: Advance) -> ArtifactFile:
    target = staging / file.path
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with (folder / file.path).open("rb", buffering=0) as source, target.open("xb", buffering=0) as sink:
        while piece := source.read(HASH_CHUNK_BYTES):
            write_all(sink, piece, digest=digest)
            advance(len(piece))
        os.fchmod(sink.fileno(), 0o444)
        os.fsync(sink.fileno())
    return ArtifactFile(file.path, target.stat().st_size, digest.hexdigest(), None)


def refuse_what_names_decide(folder: Path, names: set[str]) -> None:
    """An engine looks for the names and types of tensors in plain safetensors before it loads them; sealed, it sees
    none (vLLM 0.32: `ModelConfig.maybe_untie_word_embeddings`, `get_safetensors_params_metadata`). Where the answer
    would change what it builds, the configuration has to say it."""
    path = folder / "config.json"
    config = form.parse_object(path.read_bytes(), what=path.name) if path.is_file() else {}
    if config.get("tie_word_embeddings") and names & set(HEAD_NAMES):
        raise BadRequest(
            "config.json says that the word embeddings are tied, but the weights bring a head of their own.",
            hint='Set "tie_word_embeddings" to false, or leave the head out.',
            code="sealed_weights_source",
        )
