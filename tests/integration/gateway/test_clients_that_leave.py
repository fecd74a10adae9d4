"""Clients that go, stall or crowd: the engine stops working for them, and the others are served."""

import contextlib
import json
import socket
from typing import Any

import pytest

from tests.fixtures.gateway import CHAT_MODEL, KEY, MESSAGES, GatewayBox, gateway_box_in
from tests.fixtures.waiting import wait_until


def send_request(
    box: GatewayBox, *, stream: bool = True, declared_bytes: int | None = None, **fake: Any
) -> socket.socket:
    """A bare connection with a request on its way; more may be declared than is sent."""
    body = json.dumps({"model": CHAT_MODEL, "messages": MESSAGES, "stream": stream, "fake": fake}).encode()
    raw = socket.socket(socket.AF_UNIX)
    raw.settimeout(10)
    raw.connect(str(box.home.gateway_socket))
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\n"
    raw.sendall(f"{head}content-length: {declared_bytes or len(body)}\r\n\r\n".encode() + body)
    return raw


def read_until(raw: socket.socket, wanted: bytes) -> None:
    received = b""
    while wanted not in received:
        piece = raw.recv(65536)
        assert piece, f"closed before {wanted!r}"
        received += piece


def last_end(box: GatewayBox) -> dict[str, Any]:
    wait_until(lambda: box.records()[-1]["record"] == "end", what="the end record is there", seconds=5)
    return box.records()[-1]


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_before_the_first_byte_stops_the_engine(gateway: GatewayBox, stream: bool) -> None:
    known = len(gateway.engine.seen)
    with send_request(gateway, stream=stream, hold_after=0):
        wait_until(lambda: len(gateway.engine.seen) > known, what="the engine was asked", seconds=5)
    wait_until(lambda: gateway.engine.seen[-1].cancelled, what="the engine was told", seconds=5)
    end = last_end(gateway)
    assert (end["outcome"], end["status"], end["estimated"]) == ("broken_off", 499, True)


def test_a_client_that_leaves_in_the_stream_stops_the_engine(gateway: GatewayBox) -> None:
    with send_request(gateway, hold_after=3) as raw:
        read_until(raw, b"word")
    wait_until(lambda: gateway.engine.seen[-1].cancelled, what="the engine was told", seconds=5)
    end = last_end(gateway)
    assert (end["outcome"], end["status"]) == ("broken_off", 499)
    assert end["prompt_tokens"] > 0


def test_a_client_that_leaves_right_after_the_end_has_a_complete_answer(gateway: GatewayBox) -> None:
    with send_request(gateway) as raw:
        read_until(raw, b"[DONE]")
    end = last_end(gateway)
    assert (end["outcome"], end["completion_tokens"], end["estimated"]) == ("completed", 5, False)


def test_a_client_that_reads_nothing_is_cut_and_the_engine_held_back(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("stalled")
    with gateway_box_in(folder, APPLIANCE_GATEWAY__CLIENT_WRITE_TIMEOUT_SECONDS="0.5") as box:
        with send_request(box, tokens=20_000, text="x" * 2000):
            wait_until(lambda: bool(box.engine.seen) and box.engine.seen[0].cancelled, what="cut", seconds=15)
            assert box.chat().status_code == 200
        assert box.engine.seen[0].sent_bytes < 4 * 1024 * 1024
        cut = next(each for each in box.records() if each["record"] == "end")
        assert cut["outcome"] == "broken_off"
        assert memory_of(box) < 300 * 1024 * 1024


def test_a_slow_reader_is_not_cut(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("slow")
    with gateway_box_in(folder, APPLIANCE_GATEWAY__CLIENT_WRITE_TIMEOUT_SECONDS="1") as box:
        with send_request(box, tokens=3000, text="x" * 2000) as raw:
            received = read_slowly(raw)
        assert b"[DONE]" in received[-100:]


def test_a_body_that_does_not_arrive_is_refused_in_time(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("dripping")
    with gateway_box_in(folder, APPLIANCE_GATEWAY__CLIENT_BODY_TIMEOUT_SECONDS="0.3") as box:
        with send_request(box, declared_bytes=5000) as raw, raw.makefile("rb") as lines:
            answer = lines.read()
        assert answer.startswith(b"HTTP/1.1 408")
        assert b'"code":"request_timeout"' in answer
        assert not box.engine.seen


def test_more_requests_than_allowed_get_a_503_with_a_time(tmp_path_factory: pytest.TempPathFactory) -> None:
    with gateway_box_in(tmp_path_factory.mktemp("full"), APPLIANCE_GATEWAY__MAX_CONCURRENT_REQUESTS="2") as box:
        with contextlib.ExitStack() as held:
            for _ in range(2):
                held.enter_context(send_request(box, hold_after=0))
            wait_until(lambda: len(box.engine.seen) == 2, what="both run", seconds=5)
            response = box.chat()
            assert (response.status_code, response.json()["error"]["code"]) == (503, "not_ready")
            assert int(response.headers["retry-after"]) >= 1
        wait_until(lambda: box.chat().status_code == 200, what="there is room again", seconds=5)


def read_slowly(raw: socket.socket) -> bytes:
    """Read 6 MB over a few times the limit that cuts a client who reads nothing at all."""
    received = bytearray()
    while piece := raw.recv(20_000):
        received += piece
        if b"data: [DONE]" in received[-1000:]:
            break
    return bytes(received)


def memory_of(box: GatewayBox) -> int:
    assert box.process is not None
    with open(f"/proc/{box.process.pid}/status") as status:  # noqa: PTH123  a file of the kernel
        line = next(line for line in status if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024
