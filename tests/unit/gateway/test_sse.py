"""The frame scanner over arbitrary piece boundaries gives what it would give over whole frames."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.gateway.faults import EngineBroken
from appliance.gateway.sse import DONE, MAX_FRAME_BYTES, FrameScanner, TokenUsage, parse_usage

TEXTS = st.text(max_size=30) | st.sampled_from(['"usage"', '{"error": 1}', "data: [DONE]\n\n", "\n\n", "data: "])


def chunk(text: str) -> bytes:
    return b"data: " + json.dumps({"choices": [{"delta": {"content": text}}]}).encode() + b"\n\n"


def usage_frame(prompt: int, completion: int) -> bytes:
    usage = {"prompt_tokens": prompt, "completion_tokens": completion, "prompt_tokens_details": {"cached_tokens": 1}}
    return b"data: " + json.dumps({"choices": [], "usage": usage}).encode() + b"\n\n"


def pieces_of(stream: bytes, cuts: list[int]) -> list[bytes]:
    edges = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts)})
    return [stream[first:last] for first, last in pairwise(edges)]


@given(st.lists(TEXTS, max_size=6), st.lists(st.integers(0, 10_000), max_size=12), st.booleans())
def test_any_cut_gives_the_same_bytes(texts: list[str], cuts: list[int], keep: bool) -> None:
    content, usage = b"".join(chunk(text) for text in texts), usage_frame(3, 9)
    scanner = FrameScanner(keep_usage=keep)
    passed = b"".join(scanner.feed(piece) for piece in pieces_of(content + usage + DONE, cuts))
    assert passed == content + (usage if keep else b"") + DONE
    assert scanner.usage == TokenUsage(3, 9, 1)
    assert scanner.error is None
    assert not scanner.broken


@given(st.lists(TEXTS, min_size=1, max_size=6), st.lists(st.integers(0, 10_000), max_size=12))
def test_an_error_frame_ends_what_is_passed_on(texts: list[str], cuts: list[int]) -> None:
    content = b"".join(chunk(text) for text in texts)
    scanner = FrameScanner(keep_usage=False)
    stream = content + b'data: {"error":{"message":"x","code":500}}\n\n' + DONE
    passed = b"".join(scanner.feed(piece) for piece in pieces_of(stream, cuts))
    assert passed in (content, content + DONE)
    assert scanner.error == {"error": {"message": "x", "code": 500}}
    assert scanner.frames in (len(texts), len(texts) + 1)


@given(st.lists(TEXTS, min_size=1, max_size=4), st.integers(1, 1000))
def test_a_stream_that_stops_early_is_broken(texts: list[str], missing: int) -> None:
    stream = b"".join(chunk(text) for text in texts) + DONE
    scanner = FrameScanner(keep_usage=False)
    scanner.feed(stream[: max(0, len(stream) - missing)])
    assert scanner.broken


def test_a_chunk_with_running_usage_is_kept_and_counted() -> None:
    scanner = FrameScanner(keep_usage=False)
    frame = b'data: {"choices":[{"index":0}],"usage":{"prompt_tokens":1,"completion_tokens":2}}\n\n'
    assert scanner.feed(frame) == frame
    assert scanner.usage == TokenUsage(1, 2)


def test_a_null_usage_says_nothing() -> None:
    scanner = FrameScanner(keep_usage=False)
    frame = b'data: {"choices":[{"index":0}],"usage":null}\n\n'
    assert scanner.feed(frame) == frame
    assert scanner.usage is None


@pytest.mark.parametrize("frame", [b'data: {"usage": nope}\n\n', b'data: ["usage"]\n\n', b'"usage"\n\n'])
def test_garbage_where_it_matters_is_said(frame: bytes) -> None:
    with pytest.raises(EngineBroken):
        FrameScanner(keep_usage=False).feed(frame)


def test_a_frame_without_an_end_is_not_held_for_ever() -> None:
    with pytest.raises(EngineBroken):
        FrameScanner(keep_usage=False).feed(b"x" * (MAX_FRAME_BYTES + 1))


@pytest.mark.parametrize("usage", [None, [], "x", 5])
def test_what_is_no_usage_is_none(usage: object) -> None:
    assert parse_usage(usage) is None


def test_odd_figures_count_as_nothing() -> None:
    assert parse_usage({"prompt_tokens": "7", "completion_tokens": -3}) == TokenUsage(0, 0)
