"""Whatever is done to a sealed artifact is found, and named, before a changed byte reaches the engine."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.base.errors import BadRequest
from appliance.weights.sealed import form
from appliance.weights.sealed.artifact import ARTIFACT_FILE, Artifact, read_signed
from appliance.weights.sealed.form import TAG_BYTES, preamble, read_header
from appliance.weights.sealed.shard import SealedShard
from tests.unit.weights.sealed.sealed_model import CHUNK_BYTES, DEK, VENDOR, SealedModel, seal_small

RECORD_BYTES = CHUNK_BYTES + TAG_BYTES


def body_of(model: SealedModel, number: int) -> int:
    return len(preamble(read_header(model.shard(number)).block()))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7), shard=st.integers(0, 1))
def test_a_flipped_bit_anywhere_is_found(model: SealedModel, place: float, bit: int, shard: int) -> None:
    at = int(place * model.shard(shard).stat().st_size)

    def flip(content: bytearray) -> None:
        content[at] ^= 1 << bit

    model.change(shard, flip)
    with pytest.raises(BadRequest):
        model.read()
    model.change(shard, flip)
    assert model.read()


def test_every_byte_of_the_preamble_counts(model: SealedModel) -> None:
    for at in range(body_of(model, 0)):

        def flip(content: bytearray, at: int = at) -> None:
            content[at] ^= 1

        model.change(0, flip)
        with pytest.raises(BadRequest):
            model.read()
        model.change(0, flip)


def test_swapped_chunks_are_found(model: SealedModel) -> None:
    body = body_of(model, 0)

    def swap(content: bytearray) -> None:
        first, second = slice(body, body + RECORD_BYTES), slice(body + RECORD_BYTES, body + 2 * RECORD_BYTES)
        content[first], content[second] = content[second], content[first]

    model.change(0, swap)
    with pytest.raises(BadRequest, match="chunk 0"):
        model.read()


@pytest.mark.parametrize("kept_chunks", range(6))
def test_truncation_at_every_boundary_is_found(model: SealedModel, kept_chunks: int) -> None:
    end = body_of(model, 0) + kept_chunks * RECORD_BYTES
    assert end < model.shard(0).stat().st_size < body_of(model, 0) + 6 * RECORD_BYTES

    def cut(content: bytearray) -> None:
        del content[end:]

    model.change(0, cut)
    with pytest.raises(BadRequest, match="bytes"):
        model.read()


@pytest.mark.parametrize("ending", [b"", b"xx"])
def test_one_byte_less_or_more_is_found(model: SealedModel, ending: bytes) -> None:
    def move_end(content: bytearray) -> None:
        content[-1:] = ending

    model.change(1, move_end)
    with pytest.raises(BadRequest, match="bytes"):
        model.read()


def test_a_shorter_file_with_a_header_to_match_is_found(model: SealedModel) -> None:
    """One who rewrites header and manifest still has no tag for a chunk that says it is the last."""
    header = read_header(model.shard(0))
    shorter = replace(header, plain_bytes=3 * CHUNK_BYTES)
    body = body_of(model, 0)

    def cut(content: bytearray) -> None:
        content[:] = preamble(shorter.block()) + content[body : body + 3 * RECORD_BYTES]

    model.change(0, cut)
    files = tuple(
        replace(file, bytes=form.sealed_bytes(shorter)) if file.shard == 0 else file for file in model.artifact.files
    )
    with pytest.raises(BadRequest, match="chunk 0"):
        open_shard(model, replace(model.artifact, files=files))


def test_swapped_shards_are_found(model: SealedModel) -> None:
    first, second = model.shard(0), model.shard(1)
    first.rename(first.with_suffix(".aside"))
    second.rename(first)
    first.with_suffix(".aside").rename(second)
    with pytest.raises(BadRequest, match="not the file that the manifest lists"):
        model.read()


def test_a_chunk_of_another_shard_is_found(model: SealedModel) -> None:
    """Both shards have the same sizes and chunk numbers; only the shard's number differs."""
    assert body_of(model, 0) == body_of(model, 1)
    stolen = model.shard(1).read_bytes()
    begin = body_of(model, 0) + 2 * RECORD_BYTES

    def splice(content: bytearray) -> None:
        content[begin : begin + RECORD_BYTES] = stolen[begin : begin + RECORD_BYTES]

    model.change(0, splice)
    with pytest.raises(BadRequest, match="chunk 2"):
        model.read()


def test_a_splice_of_two_artifacts_under_one_key_is_found(
    model: SealedModel, plain_folder: Path, tmp_path: Path
) -> None:
    """The same model sealed again under the same key, as by a vendor's mistake: still no byte is the same."""
    other = seal_small(plain_folder, tmp_path / "again", dek=DEK)
    stolen = other.shard(0).read_bytes()
    begin = body_of(model, 0) + 2 * RECORD_BYTES
    assert stolen[begin : begin + 64] != model.shard(0).read_bytes()[begin : begin + 64]

    def splice(content: bytearray) -> None:
        content[begin : begin + RECORD_BYTES] = stolen[begin : begin + RECORD_BYTES]

    model.change(0, splice)
    with pytest.raises(BadRequest, match="chunk 2"):
        model.read()
    shutil.copyfile(other.shard(1), tmp_path / "theirs")
    model.shard(1).unlink()
    (tmp_path / "theirs").rename(model.shard(1))
    with pytest.raises(BadRequest):
        model.read()


def test_a_wrong_key_is_told_at_once(model: SealedModel) -> None:
    with pytest.raises(BadRequest, match="not that of these sealed weights"):
        model.read(dek=bytes(32))


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_key_of_another_length_is_refused(model: SealedModel, length: int) -> None:
    with pytest.raises(BadRequest, match="32 bytes"):
        model.read(dek=bytes(length))


@pytest.mark.parametrize(
    "edit",
    [
        {"model_id": "acme/other"},
        {"shard": 1},
        {"shards": 3},
        {"chunk_bytes": 8192},
        {"key_id": "0" * 32},
        {"artifact_id": "0" * 32},
    ],
)
def test_an_edited_header_is_found(model: SealedModel, edit: dict[str, object]) -> None:
    header = replace(read_header(model.shard(0)), **edit)  # pyright: ignore[reportArgumentType]
    body = body_of(model, 0)

    def rewrite(content: bytearray) -> None:
        content[:body] = preamble(header.block())

    model.change(0, rewrite)
    with pytest.raises(BadRequest):
        model.read()


def test_an_edited_header_is_found_even_by_one_who_trusts_it(model: SealedModel) -> None:
    """The header is authenticated with every chunk, not only compared with the manifest."""
    renamed = replace(read_header(model.shard(0)), model_id="acme/secret-8b")
    body = body_of(model, 0)

    def rewrite(content: bytearray) -> None:
        content[:body] = preamble(renamed.block())

    model.change(0, rewrite)
    with pytest.raises(BadRequest, match="chunk 0"):
        open_shard(model, replace(model.artifact, model_id="acme/secret-8b"))


def open_shard(model: SealedModel, artifact: Artifact) -> None:
    """As if the manifest had been rewritten too."""
    SealedShard(model.shard(0), dek=DEK, artifact=artifact, file=artifact.shards[0])


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json"])
def test_a_changed_plain_file_is_found(model: SealedModel, name: str) -> None:
    (model.folder / name).chmod(0o644)
    (model.folder / name).write_text('{"other": 1}')
    with pytest.raises(BadRequest, match=name):
        model.read()
    (model.folder / name).unlink()
    with pytest.raises(BadRequest, match=name):
        model.read()


def test_a_manifest_of_another_vendor_is_refused(model: SealedModel) -> None:
    stranger = Ed25519PrivateKey.generate().public_key()
    with pytest.raises(BadRequest, match="not signed"):
        read_signed(model.folder, vendors=[stranger])
    assert read_signed(model.folder, vendors=[stranger, VENDOR.public_key()]) == model.artifact


def test_a_changed_manifest_is_refused(model: SealedModel, plain_folder: Path, tmp_path: Path) -> None:
    other = seal_small(plain_folder, tmp_path / "again", dek=DEK)
    path = model.folder / ARTIFACT_FILE
    path.chmod(0o644)
    path.write_bytes((other.folder / ARTIFACT_FILE).read_bytes())
    with pytest.raises(BadRequest, match="another artifact"):
        model.read()
