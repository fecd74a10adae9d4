"""Headers from outside: a refusal and nothing else, and nothing large allocated on their word."""

import contextlib
import json
import tracemalloc
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from appliance.base.errors import BadRequest, NewerFormat
from appliance.weights.sealed import form
from appliance.weights.sealed.artifact import artifact_of, is_inside
from appliance.weights.sealed.form import ShardHeader, canonical, parse_header, preamble, read_header
from appliance.weights.sealed.tensors import parse_table, table_bytes

HEADER = ShardHeader("m", "a" * 32, "b" * 32, shard=0, shards=1, chunk_bytes=4096, plain_bytes=100_000)
BOUND_BYTES = 4 * 1024 * 1024

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
entries = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(["F32", "BF16", "F4", "X", 7]),
        "shape": st.lists(st.integers(-1, 1 << 70) | st.integers(0, 4), max_size=4) | values,
        "data_offsets": st.lists(st.integers(-1, 1 << 70) | st.integers(0, 64), max_size=3) | values,
    }
)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
@example(b"")
@example(form.MAGIC)
@example(form.MAGIC + b"\xff\xff\xff\xff")
def test_random_bytes_are_refused_as_a_header(start: bytes) -> None:
    with pytest.raises(BadRequest):
        parse_header(start, what="x")
    with pytest.raises(BadRequest):
        parse_header(form.MAGIC + start, what="x")


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(list(asdict(HEADER))), values, max_size=4))
def test_fields_of_any_kind_are_read_or_refused(fields: dict[str, object]) -> None:
    block = json.dumps({**asdict(HEADER), **fields}, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    with contextlib.suppress(BadRequest, NewerFormat):
        header = parse_header(preamble(block.encode(errors="replace")), what="x")
        assert header.block() == block.encode()


@pytest.mark.parametrize(
    "fields",
    [
        {"plain_bytes": 1 << 60},
        {"plain_bytes": 0},
        {"plain_bytes": -1},
        {"plain_bytes": True},
        {"chunk_bytes": 1 << 40},
        {"chunk_bytes": 0},
        {"chunk_bytes": 4097},
        {"shards": 1 << 40},
        {"shards": 0},
        {"shard": 1},
        {"algorithm": "AES-128-CTR"},
        {"artifact_id": "A" * 32},
        {"artifact_id": "a" * 30},
        {"model_id": ""},
        {"model_id": "x" * 1000},
        {"model_id": "a\nb"},
        {"another": 1},
    ],
)
def test_absurd_figures_are_refused(fields: dict[str, object]) -> None:
    with pytest.raises(BadRequest):
        parse_header(preamble(canonical({**asdict(HEADER), **fields})), what="x")


def test_a_newer_format_is_named() -> None:
    with pytest.raises(NewerFormat):
        parse_header(preamble(canonical({**asdict(HEADER), "format": 2})), what="x")


def test_spaces_in_the_header_are_refused() -> None:
    with pytest.raises(BadRequest, match="canonical"):
        parse_header(preamble(json.dumps(asdict(HEADER)).encode()), what="x")


def test_a_huge_claim_allocates_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.sealed"
    claim = ShardHeader("m", "a" * 32, "b" * 32, shard=0, shards=1, chunk_bytes=1 << 24, plain_bytes=1 << 47)
    path.write_bytes(preamble(claim.block()) + b"x" * 1000)
    tracemalloc.start()
    with pytest.raises(BadRequest, match="its header says"):
        read_header(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < BOUND_BYTES


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.text(max_size=5), entries | values, max_size=4), st.integers(10, 1000))
def test_tables_of_any_kind_are_read_or_refused(table: dict[str, object], plain_bytes: int) -> None:
    with contextlib.suppress(BadRequest):
        text = json.dumps(table).encode()
        for place in parse_table(text, plain_bytes=plain_bytes, what="x"):
            assert 8 + len(text) <= place.begin <= place.end <= plain_bytes


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=100))
@example(b"[" * 100_000)
@example(b"{" + b'"a":{' * 50_000)
def test_a_table_of_random_bytes_is_read_or_refused(text: bytes) -> None:
    with contextlib.suppress(BadRequest):
        assert parse_table(text, plain_bytes=8 + len(text), what="x") == ()


@pytest.mark.parametrize("length", [0, 1, 93, 1 << 40, (1 << 64) - 1])
def test_a_table_longer_than_its_file_is_refused(length: int) -> None:
    with pytest.raises(BadRequest):
        table_bytes(length.to_bytes(8, "little"), plain_bytes=100, what="x")


@pytest.mark.parametrize(
    "table",
    [
        {"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}},
        {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}},
        {
            "a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
            "b": {"dtype": "F32", "shape": [1], "data_offsets": [2, 6]},
        },
        {
            "a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
            "b": {"dtype": "F32", "shape": [1], "data_offsets": [8, 12]},
        },
    ],
)
def test_gaps_overlaps_and_wrong_sizes_are_refused(table: dict[str, object]) -> None:
    text = canonical(table)
    with pytest.raises(BadRequest):
        parse_table(text, plain_bytes=8 + len(text) + 12, what="x")


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(["files", "format", "algorithm", "model_id"]), values, max_size=4))
def test_manifests_of_any_kind_are_read_or_refused(fields: dict[str, object]) -> None:
    document = {"format": 1, "algorithm": form.ALGORITHM, "model_id": "m", "artifact_id": "a" * 32, "key_id": "b" * 32}
    with pytest.raises((BadRequest, NewerFormat)):
        artifact_of(json.dumps({**document, "chunk_bytes": 4096, **fields}).encode())


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../x", "a/../../x", "a\0b", "."])
def test_paths_that_lead_out_are_refused(path: str) -> None:
    assert not is_inside(path)
