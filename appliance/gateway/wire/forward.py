"""Passing a client's request on to the control plane, which owns what has to survive: stored responses.

The gateway authenticates the API key and tells who asks in a signed header (`appliance.base.contracts.forwarded`); of
the client's own headers only those on a list go along. Bodies stream both ways, a piece at a time. Where the control
plane does not answer, it is 503 with Retry-After.
"""

from collections.abc import AsyncGenerator

import httpx
from starlette.types import Receive, Scope, Send

from appliance.base.clock import unix_time
from appliance.base.contracts.forwarded import FORWARDED, PRINCIPAL_HEADER, ForwardedPrincipal, sign
from appliance.base.contracts.snapshot import SnapshotKey
from appliance.base.errors import ApplianceError, Internal, SetupError, Unavailable
from appliance.base.ids import new_request_id
from appliance.base.logs import get_logger
from appliance.base.paths import Home
from appliance.base.secret_files import Secret, read_secret
from appliance.base.settings import Settings
from appliance.gateway.access import authenticate, find_secret
from appliance.gateway.client import Client, Headers, too_large
from appliance.gateway.faults import ClientLeft
from appliance.gateway.snapshot_file import SnapshotFile

PASSED_ON = (b"content-type", b"content-length", b"accept", b"if-none-match", b"range")
PASSED_BACK = ("content-type", "content-length", "content-disposition", "content-range", "retry-after", "etag")
CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 60.0
RETRY_AFTER_SECONDS = 2.0
MOST_CONNECTIONS = 32

log = get_logger(__name__)


def is_forwarded(path: str) -> bool:
    return path.startswith(FORWARDED)


class ControlPlane:
    """HTTP to the control plane, each request signed for the key that asks. Opened at the first request."""

    def __init__(self, settings: Settings, *, home: Home) -> None:
        url = settings.cluster.api_url
        self._home = home
        self._secret: str | None = None
        self._http = httpx.AsyncClient(
            transport=None if url else httpx.AsyncHTTPTransport(uds=str(home.api_socket), limits=LIMITS),
            base_url=url or "http://control-plane",
            timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
            limits=LIMITS,
        )

    def request(self, method: str, target: str, *, key: SnapshotKey, request_id: str) -> httpx.Request:
        """A request without a body yet, signed; raises Unavailable where the secret is not there yet."""
        principal = ForwardedPrincipal(
            request_id=request_id, key_id=key.key_id, project_id=key.project_id, user_id=key.user_id
        )
        signed = sign(principal, secret=self._read_secret(), method=method, target=target, now=unix_time())
        return self._http.build_request(method, target, headers={PRINCIPAL_HEADER: signed, "x-request-id": request_id})

    async def send(self, request: httpx.Request) -> httpx.Response:
        """The head of the answer, its body still to be read; raises Unavailable where nobody answers."""
        try:
            return await self._http.send(request, stream=True)
        except httpx.HTTPError as error:
            raise away() from error

    async def close(self) -> None:
        await self._http.aclose()

    def _read_secret(self) -> str:
        if self._secret is None:
            try:
                self._secret = read_secret(self._home, Secret.FORWARD_KEY)
            except SetupError as error:
                raise away() from error
        return self._secret


LIMITS = httpx.Limits(max_connections=MOST_CONNECTIONS, max_keepalive_connections=MOST_CONNECTIONS)


def away() -> Unavailable:
    return Unavailable(
        "The part of the appliance that keeps this does not answer at the moment.",
        hint="Try again soon.",
        retry_after_seconds=RETRY_AFTER_SECONDS,
    )


class Forwarder:
    """An ASGI callable for the forwarded paths."""

    def __init__(self, control_plane: ControlPlane, *, snapshot: SnapshotFile, max_body_bytes: int) -> None:
        self._control_plane = control_plane
        self._snapshot = snapshot
        self._max_body_bytes = max_body_bytes

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = new_request_id()
        client = Client(receive, send=send, headers=[(b"x-request-id", request_id.encode())])
        try:
            await self._forward(scope, client, receive, request_id)
        except ClientLeft:
            log.info("client_left", request_id=request_id)
        except ApplianceError as error:
            log.info("request_refused", request_id=request_id, status=error.status, code=error.error_code)
            await self._refuse(client, error)
        except Exception:  # the loop's edge: one request's bug must not end the others
            log.exception("request_failed", request_id=request_id)
            await self._refuse(client, Internal("Something went wrong inside the gateway.", request_id=request_id))

    async def _refuse(self, client: Client, error: ApplianceError) -> None:
        """What has begun cannot be refused any more: ended without its end, so that the client sees that it broke."""
        if client.started:
            raise ConnectionAbortedError(error.message)
        await client.refuse(error)

    async def _forward(self, scope: Scope, client: Client, receive: Receive, request_id: str) -> None:
        key = authenticate(self._snapshot.directory, secret=find_secret(scope["headers"]), now=unix_time())
        request = self._control_plane.request(scope["method"], target_of(scope), key=key, request_id=request_id)
        request.headers.update(passed_on(scope["headers"]))
        if has_body(scope["headers"]):
            give_body(request, BodyStream(client, receive, max_bytes=self._max_body_bytes))
        answer = await self._control_plane.send(request)
        try:
            await client.start(answer.status_code, passed_back(answer))
            async for piece in answer.aiter_raw():
                await client.send({"type": "http.response.body", "body": piece, "more_body": True})
        except httpx.HTTPError as error:
            raise away() from error
        finally:
            await answer.aclose()
        await client.finish()


class BodyStream(httpx.AsyncByteStream):
    """The client's body, read no faster than the control plane takes it."""

    def __init__(self, client: Client, receive: Receive, *, max_bytes: int) -> None:
        self._client = client
        self._receive = receive
        self._max_bytes = max_bytes

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        size, more = 0, True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self._client.left = True
                raise ClientLeft
            piece: bytes = message.get("body", b"")
            size += len(piece)
            if size > self._max_bytes:
                raise too_large(self._max_bytes)
            more = bool(message.get("more_body"))
            if piece:
                yield piece


def target_of(scope: Scope) -> str:
    """The path with its query as the client sent them: what is signed is what is sent."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    query: bytes = scope.get("query_string", b"")
    return (raw + (b"?" + query if query else b"")).decode("latin-1")


def passed_on(headers: Headers) -> dict[str, str]:
    return {name.decode(): value.decode("latin-1") for name, value in headers if name in PASSED_ON}


def has_body(headers: Headers) -> bool:
    return any(name in (b"content-length", b"transfer-encoding") and value != b"0" for name, value in headers)


def give_body(request: httpx.Request, stream: httpx.AsyncByteStream) -> None:
    """As long as the client declared it, or in chunks where it did not."""
    request.stream = stream
    if request.headers.get("content-length", "0") == "0":
        del request.headers["content-length"]
        request.headers["transfer-encoding"] = "chunked"


def passed_back(answer: httpx.Response) -> Headers:
    return [(name.encode(), answer.headers[name].encode("latin-1")) for name in PASSED_BACK if name in answer.headers]
