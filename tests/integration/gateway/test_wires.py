"""Every wire through the real gateway: what the engine is asked, and what the client gets."""

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from tests.fixtures.gateway import CHAT_MODEL, CODE_MODEL, EMBEDDING_MODEL, KEY, MESSAGES, GatewayBox, gateway_box_in
from tests.fixtures.waiting import wait_until
from tests.fixtures.wire_streams import events

ASK = {"model": CHAT_MODEL, "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}


def metered(gateway: GatewayBox, request_id: str) -> dict[str, Any]:
    wait_until(lambda: gateway.end_of(request_id) is not None, what="the end record is there", seconds=5)
    end = gateway.end_of(request_id)
    assert end is not None
    return end


def test_tools_reasoning_and_logprobs_pass_untouched(gateway: GatewayBox) -> None:
    fake = {"calls": 2, "reasoning": "first think", "tokens": 0}
    whole = gateway.chat(fake=fake, tools=[TOOL], tool_choice="auto").json()["choices"][0]
    assert [call["function"]["name"] for call in whole["message"]["tool_calls"]] == ["weather", "weather"]
    assert (whole["message"]["reasoning_content"], whole["finish_reason"]) == ("first think", "tool_calls")
    answer = gateway.openai().chat.completions.create(model=CHAT_MODEL, messages=MESSAGES, logprobs=True)
    assert answer.choices[0].logprobs is not None
    assert answer.choices[0].logprobs.content


def test_the_openai_client_streams_tool_calls(gateway: GatewayBox) -> None:
    with gateway.openai().chat.completions.stream(
        model=CHAT_MODEL, messages=MESSAGES, extra_body={"fake": {"calls": 1, "tokens": 1, "text": ""}}
    ) as stream:
        message = stream.get_final_completion().choices[0].message
    assert message.tool_calls is not None
    assert json.loads(message.tool_calls[0].function.arguments) == {"city": "Lima"}


def test_a_message_of_anthropics(gateway: GatewayBox) -> None:
    response = gateway.ask("/v1/messages", ASK, headers={"anthropic-version": "2023-06-01"})
    message = response.json()
    assert response.headers["request-id"] == response.headers["x-request-id"]
    assert message["content"] == [{"type": "text", "text": "word " * 5}]
    assert message["usage"]["output_tokens"] == 5
    assert metered(gateway, response.headers["request-id"])["completion_tokens"] == 5


def test_a_stream_of_anthropics(gateway: GatewayBox) -> None:
    fake = {"reasoning": "first think", "calls": 1, "tokens": 2, "split": 5}
    response = gateway.ask("/v1/messages", {**ASK, "stream": True, "fake": fake})
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    said = events(response.content)
    assert (said[0][0], said[-1][0]) == ("message_start", "message_stop")
    starts = [event["content_block"]["type"] for name, event in said if name == "content_block_start"]
    assert starts == ["thinking", "tool_use", "text"]
    assert gateway.engine.seen[-1].body["stream_options"] == {"include_usage": True, "continuous_usage_stats": True}
    end = metered(gateway, response.headers["request-id"])
    assert (end["outcome"], end["prompt_tokens"], end["estimated"]) == ("completed", 7, False)


@pytest.mark.parametrize(
    ("key", "changes", "status", "kind"),
    [
        (None, {}, 401, "authentication_error"),
        (KEY, {"model": "nope"}, 404, "not_found_error"),
        (KEY, {"max_tokens": None}, 400, "invalid_request_error"),
        (KEY, {"fake": {"status": 400}}, 400, "invalid_request_error"),
        (KEY, {"fake": {"status": 503}}, 503, "overloaded_error"),
        (KEY, {"fake": {"status": 500}}, 502, "api_error"),
    ],
)
def test_errors_on_anthropics_paths_are_anthropics(
    gateway: GatewayBox, key: str | None, changes: dict[str, Any], status: int, kind: str
) -> None:
    response = gateway.ask("/v1/messages", {**ASK, **changes}, key=key)
    answer = response.json()
    assert (response.status_code, answer["type"], answer["error"]["type"]) == (status, "error", kind)
    assert answer["request_id"] == response.headers["request-id"]


def test_a_broken_stream_of_anthropics_ends_in_an_error_event(gateway: GatewayBox) -> None:
    response = gateway.ask("/v1/messages", {**ASK, "stream": True, "fake": {"die_after": 3}})
    name, event = events(response.content)[-1]
    assert (name, event["error"]["type"]) == ("error", "api_error")
    assert metered(gateway, response.headers["request-id"])["outcome"] == "broken_off"


def test_counting_tokens_costs_nothing(gateway: GatewayBox) -> None:
    counted = gateway.ask("/v1/messages/count_tokens", {"model": CHAT_MODEL, "messages": ASK["messages"]})
    assert counted.json() == {"input_tokens": 4}
    assert gateway.engine.seen[-1].path == "/tokenize"
    end = metered(gateway, counted.headers["request-id"])
    assert (end["prompt_tokens"], end["completion_tokens"], end["estimated"]) == (0, 0, False)
    asked = gateway.openai().responses.input_tokens.count(model=CHAT_MODEL, input="one two")
    assert asked.input_tokens > 0


def test_tokens_there_and_back(gateway: GatewayBox) -> None:
    told = gateway.ask("/v1/tokenize", {"model": CHAT_MODEL, "prompt": "one two three"}).json()
    assert (told["count"], told["tokens"]) == (3, [0, 1, 2])
    back = gateway.ask("/v1/detokenize", {"model": CHAT_MODEL, "tokens": told["tokens"]}).json()
    assert back == {"prompt": "0 1 2"}


@pytest.mark.parametrize("path", ["/v1/rerank", "/v2/rerank"])
def test_documents_are_ranked(gateway: GatewayBox, path: str) -> None:
    body = {"model": EMBEDDING_MODEL, "query": "q", "documents": ["a", "b", "c"], "top_n": 2}
    response = gateway.ask(path, body)
    assert [each["index"] for each in response.json()["results"]] == [0, 1]
    assert metered(gateway, response.headers["x-request-id"])["prompt_tokens"] == 11


def test_texts_are_scored(gateway: GatewayBox) -> None:
    response = gateway.ask("/v1/score", {"model": EMBEDDING_MODEL, "text_1": "a", "text_2": ["b", "c"]})
    assert [each["score"] for each in response.json()["data"]] == [0.5, 0.5]
    refused = gateway.ask("/v1/score", {"model": CHAT_MODEL, "text_1": "a", "text_2": "b"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "wrong_task")


@pytest.mark.parametrize("stream", [False, True])
def test_a_gap_is_filled_by_the_models_template(gateway: GatewayBox, stream: bool) -> None:
    body = {"model": CODE_MODEL, "prompt": "def f(", "suffix": "return x", "max_tokens": 4, "stream": stream}
    response = gateway.ask("/v1/completions", body)
    assert response.status_code == 200
    sent = gateway.engine.seen[-1].body
    assert sent["prompt"] == "<|fim_prefix|>def f(<|fim_suffix|>return x<|fim_middle|>"
    assert "suffix" not in sent
    assert ("stream_options" in sent) is stream


def test_a_model_without_a_template_fills_no_gap(gateway: GatewayBox) -> None:
    response = gateway.ask("/v1/completions", {"model": CHAT_MODEL, "prompt": "a", "suffix": "b"})
    assert (response.status_code, response.json()["error"]["param"]) == (400, "suffix")


def test_what_the_facts_exclude_never_reaches_the_engine(gateway: GatewayBox) -> None:
    known = len(gateway.engine.seen)
    with pytest.raises(openai.BadRequestError, match="cannot call tools") as caught:
        gateway.openai().chat.completions.create(model=CODE_MODEL, messages=MESSAGES, tools=[TOOL])  # pyright: ignore[reportArgumentType, reportCallIssue]
    assert caught.value.param == "tools"
    assert "answer in a given structure" in str(caught.value)
    assert len(gateway.engine.seen) == known


def test_a_body_that_is_not_declared_as_json_is_refused(gateway: GatewayBox) -> None:
    with gateway.client(KEY) as client:
        answer = client.post("/v1/chat/completions", data={"model": CHAT_MODEL})
    assert (answer.status_code, answer.json()["error"]["code"]) == (415, "unsupported_media_type")


def test_a_picture_from_inside_is_refused(gateway: GatewayBox) -> None:
    part = {"type": "image_url", "image_url": {"url": "http://169.254.169.254/latest"}}
    response = gateway.chat(messages=[{"role": "user", "content": [part]}])
    assert (response.status_code, response.json()["error"]["code"]) == (400, "forbidden_media_url")


def test_models_have_anthropics_shape_for_its_clients(gateway: GatewayBox) -> None:
    with gateway.client(KEY) as client:
        versioned = {"anthropic-version": "2023-06-01"}
        page = client.get("/v1/models", headers=versioned, params={"limit": 1}).json()
        rest = client.get("/v1/models", headers=versioned, params={"after_id": page["last_id"]}).json()
        one = client.get(f"/v1/models/{CHAT_MODEL}", headers=versioned).json()
        missing = client.get("/v1/models/nope", headers=versioned)
    assert ([each["id"] for each in page["data"]], page["has_more"]) == ([CODE_MODEL], True)
    assert ([each["id"] for each in rest["data"]], rest["has_more"]) == ([CHAT_MODEL, EMBEDDING_MODEL], False)
    assert (one["type"], one["created_at"]) == ("model", "1970-01-01T00:00:05Z")
    assert (missing.status_code, missing.json()["error"]["type"]) == (404, "not_found_error")


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayBox]:
    with gateway_box_in(tmp_path_factory.mktemp("pings"), APPLIANCE_GATEWAY__PING_SECONDS="0.2") as box:
        yield box


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/v1/responses"])
def test_a_long_silence_is_filled_with_comments(impatient: GatewayBox, path: str) -> None:
    body = {**ASK, "input": "hi", "stream": True, "fake": {"hold_seconds": 1.0}}
    response = impatient.ask(path, body)
    assert response.text.startswith(": ping\n\n")
    assert response.text.count("\n\ndata: ") + response.text.count("\nevent: ") >= 5
    plain = impatient.ask(path, {**body, "fake": {}})
    assert "\n: ping" not in f"\n{plain.text}"


def test_an_error_after_a_comment_is_a_frame_and_a_failure(impatient: GatewayBox) -> None:
    response = impatient.chat(stream=True, fake={"hold_seconds": 1.0, "die_after": 0})
    assert response.status_code == 200
    assert json.loads(response.text.split("data: ")[1])["error"]["code"] == "engine_error"
    assert metered(impatient, response.headers["x-request-id"])["outcome"] == "failed"


def test_an_error_after_a_comment_has_the_shape_of_its_wire(impatient: GatewayBox) -> None:
    body = {**ASK, "input": "hi", "stream": True, "fake": {"hold_seconds": 0.6, "die_after": 0}}
    for path, kind in (("/v1/messages", "error"), ("/v1/responses", "response.failed")):
        response = impatient.ask(path, body)
        frames = response.content.replace(b": ping\n\n", b"")
        assert events(frames)[-1][0] == kind


def test_the_openai_client_takes_pings(impatient: GatewayBox) -> None:
    stream = impatient.openai().chat.completions.create(
        model=CHAT_MODEL, messages=MESSAGES, stream=True, extra_body={"fake": {"hold_seconds": 0.8}}
    )
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == "word " * 5
