"""Parsing a request: any bytes give a request or a BadRequest; usage is asked for without touching the rest."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.base.errors import BadRequest
from appliance.gateway.request_body import CHAT, COMPLETIONS, EMBEDDINGS, parse_request

MESSAGES = [{"role": "user", "content": "hi"}]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(["model", "messages", "prompt", "input", "stream", "stream_options", "n", "max_tokens"])


def chat(**fields: Any) -> bytes:
    return json.dumps({"model": "m", "messages": MESSAGES, **fields}).encode()


@given(st.sampled_from([CHAT, COMPLETIONS, EMBEDDINGS]), st.binary(max_size=60))
def test_any_bytes_are_judged_without_a_crash(path: str, body: bytes) -> None:
    with pytest.raises(BadRequest):
        parse_request(path, body=body)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.sampled_from([CHAT, COMPLETIONS, EMBEDDINGS]), st.dictionaries(FIELDS, JSON, max_size=5))
def test_any_json_is_judged_without_a_crash(path: str, fields: dict[str, Any]) -> None:
    model = model_or_none(path, json.dumps(fields).encode())
    assert model is None or model == fields["model"]


def model_or_none(path: str, body: bytes) -> str | None:
    try:
        parsed = parse_request(path, body=body)
    except BadRequest as error:
        return None if error.param or error.error_code == "invalid_json" else "a refusal that names no field"
    return json.loads(parsed.body)["model"]


def test_a_whole_request_passes_byte_for_byte() -> None:
    body = b'{ "messages":[{"role":"user","content":"\\u00e9"}],  "model" : "m", "temperature": 1.50 }'
    parsed = parse_request(CHAT, body=body)
    assert parsed.body == body
    assert not parsed.stream


@pytest.mark.parametrize(
    ("options", "sent", "keep"),
    [
        ({}, {"include_usage": True}, False),
        ({"stream_options": None}, {"include_usage": True, "continuous_usage_stats": False}, False),
        ({"stream_options": {"x": 1}}, {"x": 1, "include_usage": True, "continuous_usage_stats": False}, False),
        ({"stream_options": {"include_usage": True}}, {"include_usage": True}, True),
    ],
)
def test_usage_is_asked_for_in_every_stream(options: dict[str, Any], sent: dict[str, Any], keep: bool) -> None:
    parsed = parse_request(CHAT, body=b" \n" + chat(stream=True, temperature=0.25, **options))
    assert json.loads(parsed.body) == {
        **json.loads(chat(stream=True, temperature=0.25, **options)),
        "stream_options": sent,
    }
    assert parsed.keep_usage is keep


def test_embeddings_are_never_streamed() -> None:
    body = b'{"model":"m","input":["a"],"stream":true}'
    parsed = parse_request(EMBEDDINGS, body=body)
    assert (parsed.stream, parsed.body, parsed.completion_tokens) == (False, body, 0)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, None),
        ({"max_tokens": 5}, 5),
        ({"max_tokens": 5, "max_completion_tokens": 7}, 7),
        ({"max_tokens": 5, "n": 3}, 15),
    ],
)
def test_the_most_tokens_an_answer_may_have(fields: dict[str, Any], expected: int | None) -> None:
    assert parse_request(CHAT, body=chat(**fields)).completion_tokens == expected


def test_two_hundred_levels_are_the_limit() -> None:
    nested: Any = 1
    for _ in range(150):
        nested = [nested]
    assert parse_request(CHAT, body=chat(x=nested)).model == "m"
    with pytest.raises(BadRequest):
        parse_request(CHAT, body=chat(x=[[nested]]).replace(b"1", b"[" * 100 + b"]" * 100))
