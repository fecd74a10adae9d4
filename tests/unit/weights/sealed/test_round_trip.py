"""What was sealed comes back byte for byte, whatever it was, whole or tensor by tensor, in bounded memory."""

import gc
import math
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file  # pyright: ignore[reportUnknownVariableType]

from appliance.base.errors import NotFound
from appliance.weights.sealed import reader as reader_module
from appliance.weights.sealed.form import canonical, read_header
from appliance.weights.sealed.reader import open_artifact
from appliance.weights.sealed.tensors import BITS
from tests.unit.weights.sealed.sealed_model import CHUNK_BYTES, DEK, SealedModel, seal_small

WHOLE_BYTES = tuple(name for name, bits in BITS.items() if bits % 8 == 0)

tensor = st.tuples(st.sampled_from(WHOLE_BYTES), st.lists(st.integers(0, 12), max_size=3), st.integers(0, 255))
models = st.lists(
    st.dictionaries(st.text("abc.0", min_size=1, max_size=6), tensor, min_size=1, max_size=5), min_size=1, max_size=3
)


def write_safetensors(path: Path, tensors: dict[str, tuple[str, list[int], int]], *, padding: int) -> dict[str, bytes]:
    """By hand, so that every type and any length of the table occurs; returns the contents."""
    table: dict[str, object] = {"__metadata__": {"format": "pt"}} if padding % 2 else {}
    body = b""
    contents: dict[str, bytes] = {}
    for name, (dtype, shape, fill) in tensors.items():
        size = math.prod(shape) * BITS[dtype] // 8
        contents[name] = bytes((fill + place) % 256 for place in range(size))
        table[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(body), len(body) + size]}
        body += contents[name]
    text = canonical(table) + b" " * padding
    path.write_bytes(len(text).to_bytes(8, "little") + text + body)
    return contents


@settings(max_examples=60, deadline=None)
@given(models, st.integers(0, 2 * CHUNK_BYTES), st.binary(min_size=32, max_size=32))
def test_any_safetensors_comes_back(
    shards: list[dict[str, tuple[str, list[int], int]]], padding: int, dek: bytes
) -> None:
    with tempfile.TemporaryDirectory() as made:
        plain = Path(made) / "plain"
        plain.mkdir()
        wanted: dict[str, bytes] = {}
        for number, tensors in enumerate(shards):
            named = {f"{number}.{name}": each for name, each in tensors.items()}
            wanted |= write_safetensors(plain / f"model-{number}.safetensors", named, padding=padding)
        sealed = seal_small(plain, Path(made) / "sealed", dek=dek)
        assert sealed.read(dek=dek) == wanted
        with open_artifact(sealed.folder, dek=dek, digest=sealed.artifact.digest) as reader:
            assert {name: bytes(reader.tensor(name)[1]) for name in reader.names()} == wanted


def test_the_library_reads_the_same(model: SealedModel, plain_folder: Path) -> None:
    read = model.read()
    for shard in plain_folder.glob("*.safetensors"):
        for name, wanted in load_file(shard).items():
            assert read[name] == wanted.tobytes()


def test_names_and_contents_are_not_in_the_sealed_files(model: SealedModel, plain_folder: Path) -> None:
    sealed = b"".join(path.read_bytes() for path in model.folder.iterdir())
    for name, content in load_file(plain_folder / "model-00001-of-00002.safetensors").items():
        assert name.encode() not in sealed
        assert content.tobytes()[:16] not in sealed
    assert DEK not in sealed
    assert not list(model.folder.glob("*.index.json"))


def test_only_chosen_tensors_are_opened(model: SealedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_artifact(model.folder, dek=DEK, digest=model.artifact.digest, threads=1) as reader:
        opened: list[tuple[int, int]] = []
        for shard in reader.shards:
            monkeypatch.setattr(shard, "open_chunk", noting(shard.header.shard, shard.open_chunk, opened))
        names = [each.place.name for each in reader.tensors(lambda name: name == "layer2.norm")]
    assert names == ["layer2.norm"]
    assert {shard for shard, _ in opened} == {1}
    assert len(opened) <= 2


def noting(shard: int, real: object, opened: list[tuple[int, int]]) -> object:
    def open_chunk(chunk: int, into: memoryview) -> None:
        opened.append((shard, chunk))
        assert callable(real)
        real(chunk, into)

    return open_chunk


def test_an_unknown_tensor_is_refused(model: SealedModel) -> None:
    with (
        open_artifact(model.folder, dek=DEK, digest=model.artifact.digest) as reader,
        pytest.raises(NotFound),
    ):
        reader.tensor("no.such")


def test_memory_is_reused_and_overwritten(model: SealedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_module, "WINDOW_BYTES", 8 * CHUNK_BYTES)
    with open_artifact(model.folder, dek=DEK, digest=model.artifact.digest) as reader:
        for _ in range(20):
            sizes = {len(opened.memory) for opened in reader.tensors()}
            assert sizes == {8 * CHUNK_BYTES}
        gc.collect()
        assert reader.slabs.made <= 3
        free = reader.slabs.free[:]
        assert any(any(slab[:]) for slab in free)
    assert not any(any(slab[:]) for slab in free)


def test_memory_of_tensors_larger_than_a_window_is_reused(model: SealedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_module, "WINDOW_BYTES", CHUNK_BYTES)
    with open_artifact(model.folder, dek=DEK, digest=model.artifact.digest) as reader:
        longest = max(reader.length(window) for window in reader.windows(lambda _: True))
        assert longest > CHUNK_BYTES
        for _ in range(20):
            assert {len(opened.memory) for opened in reader.tensors()} == {longest}
        gc.collect()
        assert reader.slabs.made <= 3


def test_the_header_says_what_stands_in_clear(model: SealedModel) -> None:
    header = read_header(model.shard(1))
    assert (header.model_id, header.shard, header.shards) == ("acme/secret-7b", 1, 2)
    assert header.key_id == model.artifact.key_id
