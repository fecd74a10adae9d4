"""Engines that fail in every way: clients get a clean error, another replica is tried before the first byte, usage is
right.
"""

import json
from typing import Any

import openai
import pytest

from appliance.gateway.replicas import save_table
from tests.fixtures.fake_engine import running_engine
from tests.fixtures.gateway import CHAT_MODEL, MESSAGES, GatewayBox, gateway_box_in, replica
from tests.fixtures.waiting import wait_until

GARBAGE = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n<garbage>"
GARBAGE_STREAM = (
    'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 25\r\n\r\ndata: {"usage": garbage}\n\n'
)
SHORT = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{}"


def end_of(gateway: GatewayBox, request_id: str) -> dict[str, Any]:
    wait_until(lambda: gateway.end_of(request_id) is not None, what="the end record is there", seconds=5)
    end = gateway.end_of(request_id)
    assert end is not None
    return end


@pytest.mark.parametrize(
    "fake",
    [{"status": 500}, {"raw": GARBAGE}, {"raw": SHORT}, {"raw": "SSH-2.0-x\r\n"}, {"close_at_once": True}],
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_broken_engine_is_a_clean_502(gateway: GatewayBox, fake: dict[str, Any], stream: bool) -> None:
    response = gateway.chat(fake=fake, stream=stream)
    assert (response.status_code, response.json()["error"]["code"]) == (502, "engine_error")
    assert "secret" not in response.text
    end = end_of(gateway, response.headers["x-request-id"])
    assert (end["outcome"], end["status"], end["completion_tokens"]) == ("failed", 502, 0)


def test_a_garbled_stream_is_a_clean_502(gateway: GatewayBox) -> None:
    response = gateway.chat(fake={"raw": GARBAGE_STREAM}, stream=True)
    assert (response.status_code, response.json()["error"]["code"]) == (502, "engine_error")


@pytest.mark.parametrize("status", [404, 503])
def test_an_engine_that_is_not_ready_is_a_503_with_a_time(gateway: GatewayBox, status: int) -> None:
    response = gateway.chat(fake={"status": status})
    assert (response.status_code, response.json()["error"]["code"]) == (503, "not_ready")
    assert int(response.headers["retry-after"]) >= 1


@pytest.mark.parametrize("fake", [{"die_after": 3}, {"error_after": 3}])
def test_an_engine_that_dies_in_a_stream_ends_it_with_an_error_frame(gateway: GatewayBox, fake: dict[str, Any]) -> None:
    response = gateway.chat(fake=fake, stream=True)
    frames = [json.loads(frame.removeprefix("data: ")) for frame in response.text.split("\n\n") if frame]
    assert response.status_code == 200
    assert "[DONE]" not in response.text
    assert len(frames) == 4
    assert frames[-1]["error"]["code"] == "engine_error"
    assert "/opt/x.py" not in response.text
    end = end_of(gateway, response.headers["x-request-id"])
    assert (end["outcome"], end["estimated"], end["completion_tokens"]) == ("broken_off", True, 3)


def test_the_openai_client_raises_on_a_broken_stream(gateway: GatewayBox) -> None:
    stream = gateway.openai().chat.completions.create(
        model=CHAT_MODEL,
        messages=MESSAGES,
        stream=True,
        extra_body={"fake": {"die_after": 2}},
    )
    with pytest.raises(openai.APIError, match="engine failed"):
        list(stream)


def test_a_dead_replica_is_passed_over(tmp_path_factory: pytest.TempPathFactory) -> None:
    with gateway_box_in(tmp_path_factory.mktemp("two")) as box:
        dead = replica(f"unix:{box.home.engine_sockets}/dead.sock", name="rep-0")
        save_table(box.home.snapshot, records=[dead, replica(box.engine.endpoint)])
        box.restart()
        assert [box.chat().status_code for _ in range(5)] == [200] * 5


def test_another_replica_is_asked_when_the_first_closes_without_a_byte(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with gateway_box_in(tmp_path_factory.mktemp("closing")) as box:
        with running_engine(box.home.engine_sockets / "two.sock") as closing:
            closing.default.close_at_once = True
            records = [replica(closing.endpoint, name="rep-0"), replica(box.engine.endpoint)]
            save_table(box.home.snapshot, records=records)
            box.restart()
            response = box.chat(stream=True)
        assert response.text.endswith("data: [DONE]\n\n")
        assert len(closing.seen) == 1
        starts = [each for each in box.records() if each["record"] == "start"]
        assert len(starts) == 1


def test_no_ready_replica_is_a_503_with_a_time(tmp_path_factory: pytest.TempPathFactory) -> None:
    with gateway_box_in(tmp_path_factory.mktemp("none")) as box:
        save_table(box.home.snapshot, records=[replica(box.engine.endpoint, state="starting")])
        box.restart()
        response = box.chat()
        assert (response.status_code, response.json()["error"]["code"]) == (503, "not_ready")
        assert int(response.headers["retry-after"]) >= 1


def test_a_silent_engine_is_cut(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("silent")
    with gateway_box_in(folder, APPLIANCE_GATEWAY__FIRST_BYTE_TIMEOUT_SECONDS="0.4") as box:
        response = box.chat(fake={"hold_after": 0})
        assert (response.status_code, response.json()["error"]["code"]) == (504, "engine_timeout")
        wait_until(lambda: box.engine.seen[-1].cancelled, what="the engine is told", seconds=5)
        streamed = box.chat(fake={"hold_after": 2}, stream=True)
        assert streamed.text.count("data: ") == 3
        assert '"code":"engine_timeout"' in streamed.text
