import struct
import tracemalloc
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.weights.gguf import BLOCKS, WrongGguf, read_gguf


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def make_gguf(
    *, shape: tuple[int, ...] = (64, 2), kind: int = 8, offset: int = 0, alignment: int = 32, data: int = 136
) -> bytes:
    """One tensor (q8_0: 64 x 2 is 4 blocks of 34 bytes), a template, an alignment and an array of texts.

    Made by hand from ggml's docs/gguf.md.
    """
    keys = [
        text("general.alignment") + struct.pack("<II", 4, alignment),
        text("tokenizer.chat_template") + struct.pack("<I", 8) + text("{{ messages }}"),
        text("tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, 8, 2) + text("a") + text("b"),
        text("some.floats") + struct.pack("<IIQ", 9, 6, 3) + bytes(12),
    ]
    tensor = text("w") + struct.pack("<I", len(shape)) + struct.pack(f"<{len(shape)}Q", *shape)
    head = b"GGUF" + struct.pack("<IQQ", 3, 1, len(keys)) + b"".join(keys) + tensor + struct.pack("<IQ", kind, offset)
    step = max(alignment, 1)
    return head + bytes(-len(head) % step) + bytes(data)


def write(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    return path


def test_a_sound_header_is_read(tmp_path: Path) -> None:
    header = read_gguf(write(tmp_path, make_gguf()))
    assert (header.version, header.alignment, header.template) == (3, 32, "{{ messages }}")
    assert [(tensor.name, tensor.shape, tensor.n_bytes) for tensor in header.tensors] == [("w", (64, 2), 136)]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (make_gguf(data=135), "ends behind"),
        (make_gguf(offset=32), "ends behind"),
        (make_gguf(offset=8), "not aligned"),
        (make_gguf(offset=2**63), "ends behind"),
        (make_gguf(shape=(63, 2)), "no multiple of 32"),
        (make_gguf(shape=(2**62, 2**62)), "ends behind"),
        (make_gguf(shape=(1, 1, 1, 1, 1)), "5 dimensions"),
        (make_gguf(kind=4), "unknown type 4"),
        (make_gguf(alignment=0), "alignment is 0"),
        (make_gguf(alignment=12), "alignment is 12"),
        (b"GGUF" + struct.pack("<IQQ", 3, 2**63, 0), "claims"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 2**63), "claims"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 2**62) + bytes(40), "text of"),
        (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "version"),
        (b"GGML" + bytes(40), "does not begin"),
    ],
)
def test_a_header_that_lies_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(WrongGguf, match=words):
        read_gguf(write(tmp_path, content))


def test_every_cut_is_refused(tmp_path: Path) -> None:
    whole = make_gguf()
    for length in range(len(whole)):
        with pytest.raises(WrongGguf):
            read_gguf(write(tmp_path, whole[:length]))


def test_nested_arrays_have_an_end(tmp_path: Path) -> None:
    value = struct.pack("<I", 9) + struct.pack("<IQ", 9, 1) * 50
    content = b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + text("deep") + value + bytes(64)
    with pytest.raises(WrongGguf, match="type 9"):
        read_gguf(write(tmp_path, content))


def test_no_block_is_empty() -> None:
    assert all(elements > 0 and size > 0 for elements, size in BLOCKS.values())


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 400), patch=st.binary(min_size=1, max_size=16))
def test_altered_headers_end_in_a_refusal_and_in_little_memory(tmp_path: Path, place: int, patch: bytes) -> None:
    content = bytearray(make_gguf())
    content[place : place + len(patch)] = patch
    path = write(tmp_path, bytes(content))
    tracemalloc.start()
    with suppress(WrongGguf):
        read_gguf(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * 1024 * 1024
