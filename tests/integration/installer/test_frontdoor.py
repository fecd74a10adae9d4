"""A real HAProxy with the appliance's configuration, and a real gateway behind it: what it keeps out, and TLS."""

import socket
import ssl
import subprocess
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import trustme

from appliance.base.settings import HttpSettings
from installer.programs import find_programs
from installer.setup.frontdoor import render_frontdoor
from tests.fixtures.gateway import CHAT_MODEL, KEY, MESSAGES, GatewayBox, gateway_box_in
from tests.fixtures.waiting import wait_until

HTTP_REQUEST_SECONDS = 10


@dataclass(frozen=True)
class FrontDoor:
    """HAProxy on a port of loopback; `certificate` is its authority's, where it speaks TLS."""

    box: GatewayBox
    port: int
    certificate: Path | None = None

    def client(self) -> httpx.Client:
        verify = ssl.create_default_context(cafile=self.certificate)
        scheme = "http" if self.certificate is None else "https"
        url, headers = f"{scheme}://localhost:{self.port}", {"authorization": f"Bearer {KEY}"}
        return httpx.Client(base_url=url, headers=headers, timeout=20, verify=verify, trust_env=False)

    def chat(self, **headers: str) -> httpx.Response:
        with self.client() as client:
            body = {"model": CHAT_MODEL, "messages": MESSAGES}
            return client.post("/v1/chat/completions", json=body, headers=headers)

    def answers(self) -> bool:
        try:
            with self.client() as client:
                return client.get("/healthz").is_success
        except httpx.TransportError:
            return False

    def connect(self) -> socket.socket:
        raw = socket.create_connection(("localhost", self.port), timeout=HTTP_REQUEST_SECONDS + 10)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return raw


@contextmanager
def front_door(
    box: GatewayBox, folder: Path, *, http: HttpSettings, certificate: Path | None = None
) -> Generator[FrontDoor]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    config = folder / "haproxy.cfg"
    config.write_text(render_frontdoor(box.home, http=http, port=port))
    with (folder / "haproxy.log").open("wb") as log:
        process = subprocess.Popen([find_programs().haproxy, "-db", "-f", config], stdout=log, stderr=log)
    door = FrontDoor(box, port, certificate)
    try:
        wait_until(door.answers, what="HAProxy and the gateway answer", seconds=10)
        yield door
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayBox]:
    with gateway_box_in(tmp_path_factory.mktemp("behind")) as made:
        yield made


@pytest.fixture(scope="module")
def door(box: GatewayBox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FrontDoor]:
    http = HttpSettings.model_validate({"max_body_bytes": 100_000})
    with front_door(box, tmp_path_factory.mktemp("door"), http=http) as made:
        yield made


def status_of(raw: socket.socket) -> int:
    """The status of what comes until the connection closes."""
    with raw.makefile("rb") as lines:
        return int(lines.read().split()[1])


def test_a_chat_passes_and_keeps_the_gateways_request_id(door: FrontDoor) -> None:
    answer = door.chat()
    assert answer.status_code == 200
    assert door.box.end_of(answer.headers["x-request-id"]) is not None


def test_what_a_client_claims_about_itself_is_dropped(door: FrontDoor) -> None:
    claimed = "req-" + "f" * 32
    answer = door.chat(**{"x-request-id": claimed, "x-forwarded-for": "10.9.9.9", "x-ts-user": "root"})
    assert answer.status_code == 200
    assert answer.headers["x-request-id"] != claimed


@pytest.mark.parametrize("sent", [b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n", b""])
def test_a_request_that_does_not_arrive_is_ended_in_time(door: FrontDoor, sent: bytes) -> None:
    with door.connect() as raw:
        began = time.monotonic()
        raw.sendall(sent)
        assert status_of(raw) == 408
        assert time.monotonic() - began < HTTP_REQUEST_SECONDS + 5


def test_a_body_that_drips_in_neither_blocks_others_nor_stays_for_ever(door: FrontDoor) -> None:
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\ncontent-length: 99\r\n\r\n"
    slow = [door.connect() for _ in range(50)]
    try:
        for raw in slow:
            raw.sendall(head.encode() + b"{")
        began = time.monotonic()
        assert door.chat().status_code == 200
        assert time.monotonic() - began < 2
    finally:
        for raw in slow:
            raw.close()


def test_headers_over_the_limit_are_refused(door: FrontDoor) -> None:
    with door.connect() as raw:
        raw.sendall(b"GET /v1/models HTTP/1.1\r\nhost: x\r\nx-long: " + b"a" * 40_000 + b"\r\n\r\n")
        assert status_of(raw) == 400


def test_what_is_not_http_is_refused(door: FrontDoor) -> None:
    with door.connect() as raw:
        raw.sendall(b"\x16\x03\x01 this is no request\r\n\r\n")
        assert status_of(raw) == 400


def test_a_body_over_the_limit_is_refused_by_what_it_declares(door: FrontDoor) -> None:
    with door.client() as client:
        answer = client.post("/v1/chat/completions", content=b"x" * 100_001)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "request_too_large")


def test_a_process_that_is_down_is_said_in_the_envelope(door: FrontDoor) -> None:
    with door.client() as client:
        answer = client.get("/api/v1/anything")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "not_ready")
    assert answer.headers["x-request-id"].startswith("req-")


def test_a_client_that_leaves_stops_the_engine_through_the_door(door: FrontDoor) -> None:
    fake = {"model": CHAT_MODEL, "messages": MESSAGES, "stream": True, "fake": {"hold_after": 3}}
    with door.client() as client, client.stream("POST", "/v1/chat/completions", json=fake) as answer:
        assert next(answer.iter_lines())
    wait_until(lambda: door.box.engine.seen[-1].cancelled, what="the engine was told", seconds=5)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1")
def test_with_a_certificate_it_speaks_tls_and_nothing_older_than_1_2(box: GatewayBox, tmp_path: Path) -> None:
    authority, certificate, pem = trustme.CA(), tmp_path / "authority.pem", tmp_path / "chain and key.pem"
    authority.cert_pem.write_to_path(str(certificate))
    authority.issue_cert("localhost", "127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(pem))
    http = HttpSettings.model_validate({"tls_certificate": pem})
    with front_door(box, tmp_path, http=http, certificate=certificate) as door:
        assert door.chat().status_code == 200
        with door.connect() as raw:
            raw.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
            assert b"200 OK" not in raw.recv(65536)
        old = ssl.create_default_context(cafile=certificate)
        old.maximum_version = ssl.TLSVersion.TLSv1_1
        with door.connect() as raw, pytest.raises((ssl.SSLError, ConnectionError)):
            old.wrap_socket(raw, server_hostname="localhost")
