"""What a client gets for a right request, through the unmodified OpenAI client and bare."""

import base64
import json
import struct

import pytest

from tests.fixtures.gateway import CHAT_MODEL, CODE_MODEL, EMBEDDING_MODEL, KEY, MESSAGES, NARROW_KEY, GatewayBox
from tests.fixtures.waiting import wait_until


def frames(text: str) -> list[str]:
    return [frame.removeprefix("data: ") for frame in text.split("\n\n") if frame]


def test_the_openai_client_lists_models(gateway: GatewayBox) -> None:
    models = gateway.openai().models.list()
    assert [model.id for model in models] == [CODE_MODEL, CHAT_MODEL, EMBEDDING_MODEL]
    assert gateway.openai().models.retrieve(CHAT_MODEL).owned_by == "us"


def test_a_key_sees_only_its_models(gateway: GatewayBox) -> None:
    assert [model.id for model in gateway.openai(NARROW_KEY).models.list()] == [EMBEDDING_MODEL]


def test_the_openai_client_chats(gateway: GatewayBox) -> None:
    answer = gateway.openai().chat.completions.create(model=CHAT_MODEL, messages=MESSAGES)
    assert answer.choices[0].message.content == "word " * 5
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 5
    assert (getattr(answer, "_request_id", None) or "").startswith("req-")


def test_the_openai_client_streams(gateway: GatewayBox) -> None:
    stream = gateway.openai().chat.completions.create(model=CHAT_MODEL, messages=MESSAGES, stream=True)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in stream)
    assert text == "word " * 5


def test_the_openai_client_completes_and_embeds(gateway: GatewayBox) -> None:
    client = gateway.openai()
    assert client.completions.create(model=CHAT_MODEL, prompt="x").choices[0].text == "word " * 5
    embedded = client.embeddings.create(model=EMBEDDING_MODEL, input=["a", "b"], encoding_format="float")
    assert [each.embedding for each in embedded.data] == [[0.5, -0.5], [0.5, -0.5]]


def test_a_base64_embedding_passes_untouched(gateway: GatewayBox) -> None:
    packed = base64.b64encode(struct.pack("<2f", 0.5, -0.5)).decode()
    raw = json.dumps({"object": "list", "data": [{"embedding": packed}], "usage": {"prompt_tokens": 2}})
    answer = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(raw)}\r\n\r\n{raw}"
    body = {"model": EMBEDDING_MODEL, "input": "a", "fake": {"raw": answer}}
    response = gateway.post(json.dumps(body).encode(), path="/v1/embeddings")
    assert response.text == raw


def test_a_stream_without_wish_for_usage_has_none_and_is_metered(gateway: GatewayBox) -> None:
    response = gateway.chat(stream=True)
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert response.headers["x-accel-buffering"] == "no"
    assert "usage" not in response.text
    assert frames(response.text)[-1] == "[DONE]"
    assert gateway.engine.seen[-1].body["stream_options"] == {"include_usage": True}
    assert_metered(gateway, response.headers["x-request-id"], completion_tokens=5)


def test_a_stream_with_wish_for_usage_passes_byte_for_byte(gateway: GatewayBox) -> None:
    response = gateway.chat(stream=True, stream_options={"include_usage": True})
    seen = gateway.engine.seen[-1]
    assert response.text == "".join(gateway.engine.frames(seen, gateway.engine.default))
    assert json.loads(frames(response.text)[-2])["usage"]["completion_tokens"] == 5


@pytest.mark.parametrize("split", [1, 7, 100])
def test_a_stream_in_odd_pieces_comes_out_whole(gateway: GatewayBox, split: int) -> None:
    plain, pieces = gateway.chat(stream=True), gateway.chat(stream=True, fake={"split": split})
    assert plain.text == pieces.text


def test_unknown_fields_and_the_body_pass_untouched(gateway: GatewayBox) -> None:
    body = json.dumps({"model": CHAT_MODEL, "messages": MESSAGES, "top_k": 3, "x": {"y": [1.50]}}).encode()
    assert gateway.post(body).status_code == 200
    assert gateway.engine.seen[-1].raw_body == body


def test_a_whole_answer_says_what_the_gateway_cost(gateway: GatewayBox) -> None:
    response = gateway.chat(fake={"delay_seconds": 0.05})
    assert int(response.headers["openai-processing-ms"]) >= 50
    assert 0 < float(response.headers["x-thousand-sails-overhead-ms"]) < 50


def test_the_engine_sees_the_request_id_and_no_key(gateway: GatewayBox) -> None:
    response = gateway.chat()
    headers = gateway.engine.seen[-1].headers
    assert headers["x-request-id"] == response.headers["x-request-id"]
    assert KEY not in str(headers)


def test_a_key_in_x_api_key_works(gateway: GatewayBox) -> None:
    with gateway.client() as client:
        assert client.get("/v1/models", headers={"x-api-key": KEY}).status_code == 200


def test_health_needs_no_key(gateway: GatewayBox) -> None:
    with gateway.client() as client:
        health = client.get("/healthz").json()
    assert health["status"] == "ok"
    assert health["detail"]["snapshot_version"] == 1


def assert_metered(gateway: GatewayBox, request_id: str, *, completion_tokens: int) -> None:
    wait_until(lambda: gateway.end_of(request_id) is not None, what="the end record is there", seconds=5)
    end = gateway.end_of(request_id)
    start = next(each for each in gateway.records() if each["request_id"] == request_id)
    assert end is not None
    assert start["record"] == "start"
    assert (start["key_id"], start["project_id"], start["version_id"]) == ("key-1", "proj-1", "ver-1")
    assert (end["outcome"], end["status"], end["estimated"]) == ("completed", 200, False)
    assert (end["prompt_tokens"], end["completion_tokens"]) == (7, completion_tokens)
    assert end["first_byte_seconds"] > 0
