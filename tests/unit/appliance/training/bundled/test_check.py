import json

import httpx
import pytest

from appliance.training.bundled.check import endpoint_ask


def _client(status: int, body: dict[str, object], seen: list[dict[str, object]]) -> httpx.Client:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/v1/chat/completions"
        seen.append(json.loads(request.content))
        return httpx.Response(status, json=body)

    return httpx.Client(base_url="http://box/v1", transport=httpx.MockTransport(answer))


def test_the_endpoint_is_asked_greedily() -> None:
    seen: list[dict[str, object]] = []
    body: dict[str, object] = {"choices": [{"message": {"content": "Port 8080."}}]}
    assert endpoint_ask(_client(200, body, seen), model="sails-guide")("port?") == "Port 8080."
    assert seen[0]["temperature"] == 0
    assert seen[0]["messages"] == [{"role": "user", "content": "port?"}]


def test_an_error_answer_is_an_error() -> None:
    with pytest.raises(httpx.HTTPStatusError):
        endpoint_ask(_client(503, {"error": {}}, []), model="sails-guide")("port?")
