"""Bad input and bad keys: each gets a clear 4xx in OpenAI's envelope, and nothing reaches the engine or the ledger."""

import json
import socket
from typing import Any

import httpx
import openai
import pytest

from appliance.base.contracts.snapshot import SnapshotKey
from tests.fixtures.gateway import (
    CHAT_MODEL,
    EMBEDDING_MODEL,
    EXPIRED_KEY,
    KEY,
    MESSAGES,
    NARROW_KEY,
    GatewayBox,
    digest,
    gateway_box_in,
    snapshot,
)
from tests.fixtures.waiting import wait_until


def body(**changes: Any) -> dict[str, Any]:
    return {"model": CHAT_MODEL, "messages": MESSAGES, **changes}


def assert_refused(response: httpx.Response, *, status: int, code: str, param: str | None = None) -> dict[str, Any]:
    error = response.json()["error"]
    assert set(error) >= {"message", "type", "param", "code"}
    assert (response.status_code, error["code"], error["param"]) == (status, code, param), response.text
    assert response.headers["x-request-id"].startswith("req-")
    assert response.headers["content-type"] == "application/json"
    assert "Traceback" not in response.text
    return error


@pytest.mark.parametrize("key", [None, "sk-ts-unknown", EXPIRED_KEY, "x" * 5000, "ключ".encode().decode("latin-1")])
def test_a_key_that_is_not_ours_is_refused_and_not_repeated(gateway: GatewayBox, key: str | None) -> None:
    before = len(gateway.engine.seen)
    response = gateway.chat(key=key)
    assert_refused(response, status=401, code="invalid_api_key")
    assert key is None or key not in response.text
    assert key is None or key not in gateway.log()
    assert len(gateway.engine.seen) == before


def test_the_openai_client_knows_the_error(gateway: GatewayBox) -> None:
    with pytest.raises(openai.AuthenticationError) as caught:
        gateway.openai("sk-wrong").models.list()
    assert caught.value.code == "invalid_api_key"
    assert caught.value.request_id is not None


@pytest.mark.parametrize(
    ("changes", "status", "code", "param"),
    [
        ({"model": "nope"}, 404, "model_not_found", "model"),
        ({"model": EMBEDDING_MODEL}, 400, "wrong_task", "model"),
        ({"model": 5}, 400, "invalid_type", "model"),
        ({"model": None}, 400, "missing_field", "model"),
        ({"messages": "hello"}, 400, "invalid_type", "messages"),
        ({"messages": []}, 400, "invalid_type", "messages"),
        ({"messages": None}, 400, "missing_field", "messages"),
        ({"messages": [{"content": "no role"}]}, 400, "invalid_type", "messages[0]"),
        ({"messages": [*MESSAGES, 7]}, 400, "invalid_type", "messages[1]"),
        ({"stream": "yes"}, 400, "invalid_type", "stream"),
        ({"stream": True, "stream_options": []}, 400, "invalid_type", "stream_options"),
        ({"max_tokens": "many"}, 400, "invalid_type", "max_tokens"),
        ({"max_tokens": True}, 400, "invalid_type", "max_tokens"),
        ({"max_completion_tokens": -1}, 400, "invalid_type", "max_completion_tokens"),
        ({"n": 100000}, 400, "invalid_request", "n"),
    ],
)
def test_wrong_fields_are_named(
    gateway: GatewayBox, changes: dict[str, Any], status: int, code: str, param: str
) -> None:
    assert_refused(gateway.post(json.dumps(body(**changes)).encode()), status=status, code=code, param=param)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"null",
        b'{"model": "tiny", "messages": [',
        b'{"model": "tiny", "temperature": NaN}',
        b'{"model": "tiny", "temperature": Infinity}',
        b'{"model": "\xff\xfe"}',
        b'{"model": "\\ud800"}',
        b'{"model": "tiny", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"model": "tiny", "x": ' + b'{"a":' * 5000 + b"1" + b"}" * 5000 + b"}",
        b'{"model": "tiny", "seed": ' + b"9" * 10_000 + b"}",
        b"\x00" * 100,
    ],
)
def test_what_is_not_json_is_refused(gateway: GatewayBox, content: bytes) -> None:
    assert_refused(gateway.post(content), status=400, code="invalid_json")


def test_a_model_that_the_key_may_not_use_is_forbidden(gateway: GatewayBox) -> None:
    assert_refused(gateway.chat(key=NARROW_KEY), status=403, code="permission_denied", param="model")


def test_a_key_works_from_its_networks_and_for_its_scopes_only(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The client's address is what the front door says it is, over its unix socket."""
    walled = SnapshotKey(key_id="key-1", digest=digest(KEY), project_id="proj-1", allowed_networks=("10.1.0.0/16",))
    files = SnapshotKey(key_id="key-2", digest=digest(NARROW_KEY), project_id="proj-1", scopes=("files",))
    with gateway_box_in(tmp_path_factory.mktemp("networks")) as box:
        box.put_snapshot(snapshot(2, keys=(walled, files)))
        inside, outside = ({"x-forwarded-for": address} for address in ("10.1.2.3", "10.2.2.3"))
        with box.client(KEY) as client:
            wait_until(lambda: client.get("/v1/models").status_code == 403, what="the snapshot is read", seconds=10)
            assert client.get("/v1/models", headers=inside).status_code == 200
            assert_refused(client.get("/v1/models", headers=outside), status=403, code="address_not_allowed")
            assert client.post("/v1/chat/completions", json=body(), headers=inside).status_code == 200
            refused = client.post("/v1/chat/completions", json=body(), headers=outside)
            assert_refused(refused, status=403, code="address_not_allowed")
        assert_refused(box.chat(key=NARROW_KEY), status=403, code="missing_scope")


def test_wrong_keys_from_one_address_are_slowed_and_good_ones_pass(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("slowed")
    with gateway_box_in(folder, APPLIANCE_GATEWAY__BAD_KEYS_PER_MINUTE="3") as box:
        here = {"x-forwarded-for": "203.0.113.7"}
        with box.client("sk-ts-wrong") as client:
            assert [client.get("/v1/models", headers=here).status_code for _ in range(4)] == [401, 401, 401, 429]
            refused = client.post("/v1/chat/completions", json=body(), headers=here)
            assert_refused(refused, status=429, code="too_many_bad_keys")
            assert 0 < int(refused.headers["retry-after"]) <= 60
            assert client.get("/v1/models", headers={"x-forwarded-for": "203.0.113.8"}).status_code == 401
        with box.client(KEY) as client:
            assert client.get("/v1/models", headers=here).status_code == 200


def test_unknown_paths_and_methods_have_the_envelope(gateway: GatewayBox) -> None:
    with gateway.client(KEY) as client:
        assert_refused(client.get("/v1/nothing"), status=404, code="not_found")
        assert_refused(client.get("/v1/chat/completions"), status=404, code="not_found")
        assert_refused(client.post("/v1/models"), status=405, code="method_not_allowed")
        assert_refused(client.get("/v1/models/nope"), status=404, code="model_not_found", param="model")


def test_a_prompt_longer_than_the_context_says_so(gateway: GatewayBox) -> None:
    error = assert_refused(
        gateway.chat(fake={"status": 400}), status=400, code="context_length_exceeded", param="messages"
    )
    assert error["message"].startswith("This model's maximum context length is 64 tokens.")
    assert "parameter=" not in error["message"]
    with pytest.raises(openai.BadRequestError, match="maximum context length"):
        gateway.openai().chat.completions.create(
            model=CHAT_MODEL,
            messages=MESSAGES,
            extra_body={"fake": {"status": 400}},
        )


def test_a_body_over_the_limit_is_refused_before_it_is_read(gateway: GatewayBox) -> None:
    with socket.socket(socket.AF_UNIX) as raw:
        raw.settimeout(10)
        raw.connect(str(gateway.home.gateway_socket))
        head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\n"
        raw.sendall(f"{head}content-length: {10**12}\r\n\r\n".encode())
        with raw.makefile("rb") as lines:
            answer = lines.read()
    assert answer.startswith(b"HTTP/1.1 413")
    assert b'"code":"request_too_large"' in answer
    assert b"connection: close" in answer


def test_a_chunked_body_over_the_limit_is_refused(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("small")
    with gateway_box_in(folder, APPLIANCE_HTTP__MAX_BODY_BYTES="2048") as box, box.client(KEY) as client:
        pieces = (b"x" * 500 for _ in range(10))
        assert_refused(client.post("/v1/chat/completions", content=pieces), status=413, code="request_too_large")
        assert box.chat().status_code == 200
        assert len(box.engine.seen) == 1


def test_refused_requests_leave_no_usage(gateway: GatewayBox) -> None:
    before = len(gateway.records())
    gateway.chat(key="wrong")
    gateway.chat(model="nope")
    assert len(gateway.records()) == before


def test_no_refusal_was_a_crash(gateway: GatewayBox) -> None:
    assert "request_failed" not in gateway.log()
    assert "Traceback" not in gateway.log()
