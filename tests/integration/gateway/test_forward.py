"""Requests that the gateway passes on to the control plane: bodies of any size, headers on a list, a signed principal.

The control plane here is a small one that says what it got.
"""

import hashlib
import threading
from collections.abc import AsyncIterator, Iterator

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from appliance.base import clock
from appliance.base.contracts.forwarded import verify
from appliance.base.secret_files import Secret, read_secret
from tests.fixtures.gateway import KEY, GatewayBox, gateway_box_in
from tests.fixtures.waiting import wait_until

MIB = 1024 * 1024
PATH = "/v1/responses/resp_x/input_items?a=1&b=%20"


async def tell(request: Request) -> Response:
    digest, size = hashlib.sha256(), 0
    async for piece in request.stream():
        digest.update(piece)
        size += len(piece)
    return JSONResponse({"headers": dict(request.headers), "size": size, "sha256": digest.hexdigest()})


async def pour(request: Request) -> Response:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(int(request.query_params["mib"])):
            yield b"x" * MIB

    return StreamingResponse(pieces(), status_code=206, headers={"content-range": "bytes 0-1/2", "x-inner": "1"})


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayBox]:
    routes = [
        Route("/v1/responses/pour", pour),
        Route("/v1/responses/{rest:path}", tell, methods=["GET", "POST", "DELETE"]),
    ]
    with gateway_box_in(tmp_path_factory.mktemp("forward"), APPLIANCE_HTTP__MAX_BODY_BYTES=str(64 * MIB)) as gateway:
        config = uvicorn.Config(
            Starlette(routes=routes), uds=str(gateway.home.api_socket), log_config=None, lifespan="off"
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        wait_until(lambda: server.started, what="the control plane listens", seconds=10)
        yield gateway
        server.should_exit = True
        thread.join(10)


def body(mib: int) -> Iterator[bytes]:
    for _ in range(mib):
        yield b"y" * MIB


@pytest.mark.parametrize("declared", [True, False])
def test_a_large_body_arrives_whole(box: GatewayBox, declared: bool) -> None:
    headers = {"content-length": str(40 * MIB)} if declared else {}
    with box.client(KEY) as client:
        told = client.post(PATH, content=body(40), headers=headers).json()
    assert told["size"] == 40 * MIB
    assert told["sha256"] == hashlib.sha256(b"y" * 40 * MIB).hexdigest()


def test_the_principal_is_signed_and_the_clients_word_is_not_taken(box: GatewayBox) -> None:
    forged = {"x-ts-principal": "forged", "x-forwarded-for": "1.2.3.4", "cookie": "ts_session=1", "accept": "a/b"}
    with box.client(KEY) as client:
        told = client.get(PATH, headers=forged).json()["headers"]
    secret = read_secret(box.home, Secret.FORWARD_KEY)
    principal = verify(told["x-ts-principal"], secret=secret, method="GET", target=PATH, now=clock.unix_time())
    assert (principal.key_id, principal.project_id, principal.user_id) == ("key-1", "proj-1", "user-1")
    assert told["accept"] == "a/b"
    assert not {"authorization", "cookie", "x-forwarded-for", "x-api-key"} & told.keys()
    assert KEY not in str(told)


def test_a_body_over_the_limit_is_refused(box: GatewayBox) -> None:
    with box.client(KEY) as client:
        answer = client.post(PATH, content=body(70))
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "request_too_large")


def test_a_long_answer_streams_through_in_little_memory(box: GatewayBox) -> None:
    before = memory_peak(box)
    with box.client(KEY) as client, client.stream("GET", "/v1/responses/pour", params={"mib": "300"}) as answer:
        size = sum(len(piece) for piece in answer.iter_raw())
    assert (answer.status_code, size) == (206, 300 * MIB)
    assert answer.headers["content-range"] == "bytes 0-1/2"
    assert "x-inner" not in answer.headers
    assert memory_peak(box) - before < 100 * MIB


def test_a_key_is_needed(box: GatewayBox) -> None:
    with box.client() as client:
        answer = client.get(PATH)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_api_key")


def memory_peak(box: GatewayBox) -> int:
    assert box.process is not None
    with open(f"/proc/{box.process.pid}/status") as status:  # noqa: PTH123  a file of the kernel
        line = next(line for line in status if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024
