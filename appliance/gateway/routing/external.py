"""Connections to endpoints elsewhere: TLS, addresses that were checked, and a few idle connections kept for the next
request.

A handshake across the world costs two to three round trips, so these connections are kept alive (RFC 9112, section 9.3)
while an engine's on its unix socket are not. The address that is checked is the one that is connected to.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httptools

from appliance.base.contracts.routes import ExternalEndpoint, sealing_context
from appliance.base.errors import BadRequest, SetupError
from appliance.base.logs import get_logger
from appliance.base.sealing import Sealer
from appliance.gateway.engine_connection import EngineConnection
from appliance.gateway.faults import EngineUnreachable
from appliance.weights.urls import UrlGuard

MOST_IDLE = 16
LAST_CHUNK_SECONDS = 1.0
ANTHROPIC_VERSION = "2023-06-01"

log = get_logger(__name__)


class ExternalConnection(EngineConnection):
    """An EngineConnection that takes another request after a whole answer, if both sides want that."""

    def __init__(self) -> None:
        super().__init__()
        self.is_reused = False
        self.keep: Callable[[ExternalConnection], None] | None = None
        self._is_lost = False
        self._is_released = False
        self._stays_open = False

    @property
    def can_go_on(self) -> bool:
        return (
            self._complete and not self._is_lost and not self._failure and self._stays_open
            and self._transport is not None and not self._transport.is_closing()
        )  # fmt: skip

    def release(self) -> None:
        """Kept where the answer is whole; its last chunk may still be on the way after the stream's `[DONE]`."""
        if self.can_go_on and self.keep is not None:
            self.keep(self)
        elif self._complete or self._failure or not self._has_head:
            self.abort()
        else:
            self._is_released = True
            asyncio.get_running_loop().call_later(LAST_CHUNK_SECONDS, self._give_up)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._stays_open = self._parser.should_keep_alive()  # llhttp forgets it after this
        if self._is_released and self._complete:
            asyncio.get_running_loop().call_soon(self.release)

    def _give_up(self) -> None:
        if self._is_released and not self._complete:
            self.abort()

    def begin_anew(self) -> None:
        """For the next request."""
        self.status, self.headers = 0, {}
        self._parser = httptools.HttpResponseParser(self)
        self._chunks.clear()
        self._buffered = 0
        self._has_head = self._complete = self._is_released = False
        self.is_reused = True

    def data_received(self, data: bytes) -> None:
        if self._complete:  # nobody asked for anything
            self.abort()
            return
        super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_lost = True
        super().connection_lost(exc)


@dataclass(eq=False)
class Endpoint:
    """One configured endpoint, with its opened key, its TLS context and its idle connections."""

    fact: ExternalEndpoint
    key: str | None = field(repr=False)
    tls: ssl.SSLContext | None
    guard: UrlGuard
    idle: list[ExternalConnection] = field(default_factory=list[ExternalConnection])

    @property
    def host_header(self) -> str:
        return urlsplit(self.fact.base_url).netloc

    def path_of(self, path: str) -> str:
        """`/v1/chat/completions` below `https://host/api/v1` is `/api/v1/chat/completions`."""
        return urlsplit(self.fact.base_url).path.rstrip("/") + path.removeprefix("/v1")

    def headers(self) -> dict[str, str]:
        if self.fact.kind == "anthropic":
            own = {"anthropic-version": ANTHROPIC_VERSION}
            return {**own, "x-api-key": self.key} if self.key else own
        return {"authorization": f"Bearer {self.key}"} if self.key else {}

    async def open(self, *, anew: bool = False) -> ExternalConnection:
        """An idle connection, or a new one; raises EngineUnreachable."""
        while self.idle and not anew:
            connection = self.idle.pop()
            if connection.can_go_on:
                connection.begin_anew()
                return connection
            connection.abort()
        connection = await self._connect()
        connection.keep = self._keep
        connection.silence_seconds = self.fact.first_byte_timeout_seconds
        return connection

    def close(self) -> None:
        for connection in self.idle:
            connection.abort()
        self.idle.clear()

    def _keep(self, connection: ExternalConnection) -> None:
        if len(self.idle) < MOST_IDLE:
            self.idle.append(connection)
        else:
            connection.abort()

    async def _connect(self) -> ExternalConnection:
        where = urlsplit(self.fact.base_url)
        host, port = where.hostname or "", where.port or (443 if self.tls else 80)
        name = self.fact.name
        try:
            self.guard.check(self.fact.base_url)
            async with asyncio.timeout(self.fact.connect_timeout_seconds):
                return await self._connect_checked(host, port)
        except TimeoutError as error:
            raise EngineUnreachable(f"{name} did not take the connection in time", is_gone=False) from error
        except ssl.SSLError as error:
            raise EngineUnreachable(f"{name} is not trusted: {error.reason}", is_gone=True) from error
        except OSError as error:
            raise EngineUnreachable(f"{name} cannot be reached: {error}", is_gone=True) from error
        except BadRequest as error:
            raise EngineUnreachable(f"{name} is not allowed: {error.message}", is_gone=True) from error

    async def _connect_checked(self, host: str, port: int) -> ExternalConnection:
        """To the first of the name's addresses that takes it; all of them have been checked."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        self.guard.check_resolved(host, addresses)
        for number, address in enumerate(addresses, start=1):
            try:
                _, protocol = await loop.create_connection(
                    ExternalConnection, address, port, ssl=self.tls, server_hostname=host if self.tls else None
                )
            except OSError:
                if number == len(addresses):
                    raise
            else:
                return protocol
        raise OSError(f"{host} has no address")


@dataclass(eq=False)
class Endpoints:
    """The endpoints in use, each made when first asked and made anew when its facts change."""

    sealer: Callable[[], Sealer]
    _made: dict[str, Endpoint] = field(default_factory=dict[str, Endpoint])

    def get(self, fact: ExternalEndpoint) -> Endpoint:
        """Raises SetupError where its key does not open or its certificates are none."""
        known = self._made.get(fact.endpoint_id)
        if known is not None and known.fact == fact:
            return known
        made = self._make(fact)
        if known is not None:
            known.close()
        self._made[fact.endpoint_id] = made
        return made

    def _make(self, fact: ExternalEndpoint) -> Endpoint:
        key = None
        if fact.sealed_key is not None:
            key = self.sealer().open(fact.sealed_key, context=sealing_context(fact.endpoint_id))
        where = urlsplit(fact.base_url)
        allowed = frozenset({(where.hostname or "").casefold().rstrip(".")}) if fact.allow_private else frozenset[str]()
        tls = tls_context(fact.ca_certificates) if where.scheme == "https" else None
        return Endpoint(fact, key, tls, UrlGuard(allowed))


def tls_context(ca_certificates: str | None) -> ssl.SSLContext:
    """The system's authorities, and those of the admin besides."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    if ca_certificates:
        try:
            context.load_verify_locations(cadata=ca_certificates)
        except ssl.SSLError as error:
            raise SetupError(f"The certificates of an endpoint cannot be read: {error.reason}.") from error
    return context
