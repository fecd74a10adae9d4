"""The real agent beside a real gateway: usage arrives once, also of a gateway that was killed; nothing is lost when
the API is away.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from appliance.base.box import Box, Ports, write_box
from appliance.base.secret_files import Secret, read_secret
from tests.fixtures.fake_intake import FakeIntake, running_intake
from tests.fixtures.gateway import CHAT_MODEL, KEY, MESSAGES, GatewayBox, gateway_box_in
from tests.fixtures.waiting import wait_until


@dataclass
class Node:
    gateway: GatewayBox
    process: subprocess.Popen[bytes]

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(15)


@contextlib.contextmanager
def agent_of(gateway: GatewayBox) -> Generator[Node]:
    environment = {**os.environ, "APPLIANCE_HOME": str(gateway.home.root)}
    with (gateway.home.logs / "agent.log").open("ab") as log:
        process = subprocess.Popen([sys.executable, "-m", "appliance.agent"], env=environment, stdout=log, stderr=log)
    try:
        yield Node(gateway, process)
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayBox]:
    with gateway_box_in(tmp_path_factory.mktemp("agent")) as box:
        ports = Ports(**dict.fromkeys(Ports.model_fields, 1))
        write_box(box.home, Box(node_id=uuid4(), ports=ports))
        yield box


@pytest.fixture
def intake(gateway: GatewayBox) -> Iterator[FakeIntake]:
    with running_intake(gateway.home.api_socket, token=read_secret(gateway.home, Secret.NODE_TOKEN)) as running:
        yield running


def hold_stream(gateway: GatewayBox) -> socket.socket:
    """A stream that stays in the middle."""
    fake = {"hold_after": 3}
    body = json.dumps(
        {"model": CHAT_MODEL, "messages": MESSAGES, "stream": True, "max_tokens": 9, "fake": fake}
    ).encode()
    raw = socket.socket(socket.AF_UNIX)
    raw.settimeout(10)
    raw.connect(str(gateway.home.gateway_socket))
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\n"
    raw.sendall(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
    received = b""
    while b"word" not in received:
        received += raw.recv(65536)
    return raw


def ends(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [record for record in records if record["record"] == "end"]


def test_usage_and_heartbeat_arrive(gateway: GatewayBox, intake: FakeIntake) -> None:
    with agent_of(gateway) as node:
        request_id = gateway.chat().headers["x-request-id"]
        wait_until(lambda: len(intake.of(request_id)) == 2, what="start and end arrive", seconds=15)
        wait_until(lambda: bool(intake.heartbeats), what="a heartbeat arrives", seconds=15)
        assert node.stop() == 0
    beat = intake.heartbeats[0]
    assert beat["cpu_count"] >= 1
    assert beat["memory_bytes"] > 0
    assert [record["record"] for record in intake.of(request_id)] == ["start", "end"]


def test_a_gateway_killed_in_a_stream_leaves_one_broken_off_end(gateway: GatewayBox, intake: FakeIntake) -> None:
    done = gateway.chat().headers["x-request-id"]
    with hold_stream(gateway):
        gateway.kill()
    with agent_of(gateway):
        wait_until(lambda: len(ends(intake.records)) == 2, what="both ends arrive", seconds=15)
        wait_until(lambda: not list(gateway.home.spool.glob("usage-*")), what="the spool is cleared", seconds=15)
    gateway.start()
    with agent_of(gateway):
        request_id = gateway.chat().headers["x-request-id"]
        wait_until(lambda: len(intake.of(request_id)) == 2, what="the new gateway's usage arrives", seconds=15)
    assert len(ends(intake.of(done))) == 1
    broken = [end for end in ends(intake.records) if end["outcome"] == "broken_off"]
    assert len(broken) == 1
    assert (broken[0]["status"], broken[0]["estimated"], broken[0]["completion_tokens"]) == (499, True, 9)


def test_a_living_gateway_is_not_closed_and_its_stream_ends_once(gateway: GatewayBox, intake: FakeIntake) -> None:
    with agent_of(gateway):
        with hold_stream(gateway):
            wait_until(lambda: len(intake.records) == 1, what="the start arrives", seconds=15)
        wait_until(lambda: len(ends(intake.records)) == 1, what="the end arrives", seconds=15)
    assert ends(intake.records)[0]["status"] == 499
    assert ends(intake.records)[0]["completion_tokens"] <= 3


def test_nothing_is_lost_while_the_api_is_away(gateway: GatewayBox) -> None:
    with agent_of(gateway) as node:
        ids = [gateway.chat().headers["x-request-id"] for _ in range(3)]
        log = gateway.home.logs / "agent.log"
        wait_until(lambda: "agent_task_failed" in log.read_text(), what="the agent notices", seconds=15)
        with running_intake(gateway.home.api_socket, token=read_secret(gateway.home, Secret.NODE_TOKEN)) as intake:
            intake.lost_answers = 1
            wait_until(lambda: all(len(intake.of(each)) >= 4 for each in ids), what="sent again", seconds=30)
            assert node.stop() == 0
    assert all({record["record"] for record in intake.of(each)} == {"start", "end"} for each in ids)
