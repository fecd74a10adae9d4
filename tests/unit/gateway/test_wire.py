"""The smaller wires: media URLs, capabilities, infill, score and token counts, the signed principal."""

import asyncio
import json
from typing import Any

import pytest

from appliance.base.contracts.forwarded import ForwardedPrincipal, sign, verify
from appliance.base.contracts.snapshot import SnapshotModel
from appliance.base.errors import BadRequest, Unauthenticated
from appliance.gateway.request_body import parse_request
from appliance.gateway.wire.infill import infill_prompt
from appliance.gateway.wire.media import DATA_ONLY, MediaPolicy, checked, policy_of
from appliance.gateway.wire.needs import require_capabilities
from appliance.gateway.wire.tokens import counted

LISTED = policy_of(" Pictures.example , *.cdn.example, 10.1.2.3 ")
PRINCIPAL = ForwardedPrincipal(request_id="req-1", key_id="key-1", project_id="proj-1", user_id="user-1")
SECRET = "s" * 43


@pytest.mark.parametrize(
    "url",
    [
        "data:image/png;base64,AAAA",
        "https://pictures.example/a.png",
        "http://PICTURES.example:8080/a",
        "https://a.cdn.example/x",
        "http://10.1.2.3/x",
    ],
)
def test_listed_media_pass(url: str) -> None:
    part = {"image_url": {"url": url}}
    assert checked(part, at="here", policy=LISTED) == [("image_url", "here")]


@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere.example/a.png",
        "https://cdn.example.evil.example/x",
        "http://127.0.0.1/x",
        "http://127.1/x",
        "http://2130706433/x",
        "http://0x7f.0.0.1/x",
        "http://[::1]/x",
        "http://[::ffff:169.254.169.254]/latest",
        "http://169.254.169.254/latest",
        "http://localhost/x",
        "http://registry/x",
        "http://metadata.google.internal/x",
        "https://user:secret@pictures.example/x",
        "file:///etc/passwd",
        "ftp://pictures.example/x",
        "pictures.example/x",
        "http://[broken",
        "",
    ],
)
def test_other_media_are_refused_with_their_place(url: str) -> None:
    with pytest.raises(BadRequest) as caught:
        LISTED.check(url, at="here")
    assert (caught.value.param, caught.value.error_code) == ("here", "forbidden_media_url")


@pytest.mark.parametrize("host", ["127.0.0.1", "192.168.1.1", "localhost", "0x7f.0.0.1"])
def test_a_pattern_never_lists_an_inner_address(host: str) -> None:
    assert not MediaPolicy(frozenset({"*.1", "*.0.1", "*.localhost"})).allows(host)


def chat(**fields: Any) -> bytes:
    return json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}], **fields}).encode()


def part(kind: str, value: Any) -> bytes:
    return chat(messages=[{"role": "user", "content": [{"type": "text", "text": "see"}, {"type": kind, kind: value}]}])


@pytest.mark.parametrize(
    ("body", "capability", "param"),
    [
        (chat(tools=[{}]), "tools", "tools"),
        (chat(response_format={"type": "json_object"}), "structured_output", "response_format"),
        (chat(guided_regex="x"), "structured_output", "guided_regex"),
        (chat(logprobs=True), "logprobs", "logprobs"),
        (chat(reasoning_effort="low"), "reasoning", "reasoning_effort"),
        (chat(n=2), "several_choices", "n"),
        (part("image_url", {"url": "data:image/png;base64,A"}), "vision", "messages[0].content[1]"),
        (part("input_audio", {"data": "A", "format": "wav"}), "audio", "messages[0].content[1]"),
        (part("video_url", {"url": "data:video/mp4;base64,A"}), "video", "messages[0].content[1]"),
    ],
)
def test_a_model_that_cannot_is_not_asked(body: bytes, capability: str, param: str) -> None:
    needs = parse_request("/v1/chat/completions", body=body).needs
    facts = SnapshotModel(name="m", served_model_id="s", task="chat", max_model_len=9, owned_by="us", created=1)
    require_capabilities(facts, needs=needs)
    require_capabilities(facts.model_copy(update={"capabilities": frozenset({capability})}), needs=needs)
    with pytest.raises(BadRequest) as caught:
        require_capabilities(facts.model_copy(update={"capabilities": frozenset({"other"})}), needs=needs)
    assert (caught.value.param, caught.value.error_code) == (param, "not_supported_by_model")


@pytest.mark.parametrize(
    "body", [chat(), chat(tools=[], logprobs=False, n=1, reasoning_effort="none", response_format={"type": "text"})]
)
def test_what_asks_for_nothing_needs_nothing(body: bytes) -> None:
    assert parse_request("/v1/chat/completions", body=body).needs == ()


@pytest.mark.parametrize("value", [{"url": "http://10.0.0.1/x"}, {"url": 7}, {}, "http://10.0.0.1/x", None])
def test_media_in_a_chat_are_checked(value: Any) -> None:
    with pytest.raises(BadRequest):
        parse_request("/v1/chat/completions", body=part("image_url", value), media=DATA_ONLY)


INNER = "http://10.0.0.1/x"


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": [{"image_url": INNER}]}]}),
        ("/v1/chat/completions", {"messages": [{"role": "tool", "content": [{"video_url": {"url": INNER}}]}]}),
        ("/v1/tokenize", {"messages": [{"role": "user", "content": [{"audio_url": {"url": INNER}}]}]}),
        ("/v1/embeddings", {"messages": [{"role": "user", "content": [{"image_url": {"url": INNER}}]}]}),
        ("/v1/rerank", {"query": "q", "documents": {"content": [{"type": "image_url", "image_url": {"url": INNER}}]}}),
        ("/v1/score", {"text_1": "q", "text_2": [{"content": [{"image_url": {"url": INNER}}]}]}),
    ],
)
@pytest.mark.parametrize("escaped", [False, True])
def test_media_are_found_wherever_an_engine_would(path: str, fields: dict[str, Any], escaped: bool) -> None:
    body = json.dumps({"model": "m", **fields}).encode()
    with pytest.raises(BadRequest) as caught:
        parse_request(path, body=body.replace(b"_url", b"\\u005furl") if escaped else body)
    assert caught.value.error_code == "forbidden_media_url"


def test_a_tool_may_have_a_field_of_that_name() -> None:
    schema = {"type": "object", "properties": {"image_url": {"type": "string"}}}
    tool = {"type": "function", "function": {"name": "f", "parameters": schema}}
    assert parse_request("/v1/chat/completions", body=chat(tools=[tool])).needs[0].capability == "tools"


def test_only_the_templates_own_places_are_filled() -> None:
    built = infill_prompt("<P>{prefix}<S>{suffix}<M>", prefix="a {suffix} b", suffix="c {prefix}")
    assert built == "<P>a {suffix} b<S>c {prefix}<M>"


@pytest.mark.parametrize(
    ("path", "fields", "param"),
    [
        ("/v1/rerank", {"documents": ["a"]}, "query"),
        ("/v2/rerank", {"query": "a"}, "documents"),
        ("/v1/score", {"text_1": "a"}, "text_2"),
        ("/v1/score", {}, "text_1"),
        ("/v1/tokenize", {}, "prompt"),
        ("/v1/tokenize", {"messages": []}, "messages"),
        ("/v1/detokenize", {}, "tokens"),
        ("/v1/detokenize", {"tokens": ["a"]}, "tokens"),
    ],
)
def test_a_missing_field_is_named(path: str, fields: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        parse_request(path, body=json.dumps({"model": "m", **fields}).encode())
    assert caught.value.param == param


def test_tokens_without_a_count_are_counted() -> None:
    assert counted({"tokens": [1, 2]})["count"] == 2
    with pytest.raises(BadRequest):
        counted({"tokens": []})


def test_a_count_of_messages_has_anthropics_shape() -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "system": "s"}
    parsed = parse_request("/v1/messages/count_tokens", body=json.dumps(body).encode())
    assert [message["role"] for message in json.loads(parsed.body)["messages"]] == ["system", "user"]
    assert parsed.turn is not None
    assert json.loads(asyncio.run(parsed.turn().whole(b'{"count": 4, "tokens": []}'))) == {"input_tokens": 4}


ASKED: dict[str, Any] = {"secret": SECRET, "method": "GET", "target": "/v1/x?y=1", "now": 1000.0}


def signed() -> str:
    return sign(PRINCIPAL, **ASKED)


def test_a_signed_principal_is_believed_for_a_while() -> None:
    for now in (1000.0, 1029.0, 975.0):
        assert verify(signed(), secret=SECRET, method="get", target="/v1/x?y=1", now=now) == PRINCIPAL


@pytest.mark.parametrize(
    ("value", "changes"),
    [
        (None, {}),
        ("", {}),
        (signed(), {"now": 1031.0}),
        (signed(), {"now": 960.0}),
        (signed(), {"method": "DELETE"}),
        (signed(), {"target": "/v1/x?y=2"}),
        (signed(), {"secret": "t" * 43}),
        (signed().replace("proj-1", "proj-2"), {}),
        (signed().replace("user-1", "-"), {}),
        (signed() + " more", {}),
        ("2" + signed()[1:], {}),
    ],
)
def test_any_other_principal_is_refused(value: str | None, changes: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated):
        verify(value, **{**ASKED, **changes})


def test_an_id_with_a_blank_is_not_signed() -> None:
    with pytest.raises(ValueError, match="header"):
        sign(
            ForwardedPrincipal(request_id="req 1", key_id="k", project_id="p"),
            secret=SECRET,
            method="GET",
            target="/",
            now=1.0,
        )
