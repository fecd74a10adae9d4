"""One admitted request through an engine: choose a replica, ask it, pass the answer on, and account for how it ended.

Another replica is tried only while no byte of an answer has come. Everything that a streamed chunk costs is in
`_stream`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager

from appliance.base.clock import monotonic
from appliance.base.errors import ApplianceError, EngineTimeout, Unavailable
from appliance.gateway.client import SSE_HEADERS, Client, Headers
from appliance.gateway.engine_connection import EngineConnection, connect, render_request
from appliance.gateway.engine_errors import from_engine, from_frame
from appliance.gateway.faults import ClientLeft, EngineBroken, EngineFailed, EngineUnreachable
from appliance.gateway.json_objects import parse_object
from appliance.gateway.metering import CLIENT_LEFT, Admitted, Meter
from appliance.gateway.replicas import Replica, ReplicaTable
from appliance.gateway.sse import FrameScanner, TokenUsage, parse_usage
from appliance.gateway.usage_spool import UsageSpool
from appliance.gateway.wire.endpoints import ENDPOINTS
from appliance.gateway.wire.parsed import Turn

ATTEMPTS = 3
MAX_ANSWER_BYTES = 256 * 1024 * 1024
PARSE_WHOLE_BYTES = 256 * 1024
NOTHING_USED = TokenUsage(0, 0)


class Relay:
    """Shared by all requests; `refresh_table` asks Redis again when every known replica has failed.

    `silent` are the streams that have nothing to say yet.
    """

    def __init__(
        self,
        table: ReplicaTable,
        *,
        spool: UsageSpool,
        connect_timeout_seconds: float,
        refresh_table: Callable[[], Awaitable[None]],
    ) -> None:
        self.engines: set[EngineConnection] = set()
        self.silent: set[Exchange] = set()
        self._table = table
        self._spool = spool
        self._connect_timeout_seconds = connect_timeout_seconds
        self._refresh_table = refresh_table

    async def serve(self, request: Admitted, *, client: Client) -> None:
        """Answers the client in full; raises ApplianceError where it still has to be refused, ClientLeft."""
        meter = Meter(self._spool, request=request)
        try:
            await Exchange(self, request=request, client=client, meter=meter).run()
        except ApplianceError as error:
            meter.end(status=error.status, outcome="broken_off" if meter.is_answering else "failed")
            raise
        except (ClientLeft, asyncio.CancelledError):
            meter.end(status=CLIENT_LEFT, outcome="broken_off")
            raise
        except Exception:  # counted, then raised on: a request that began must not stay without its end record
            meter.end(status=500, outcome="failed")
            raise
        meter.end(status=200, outcome="completed")

    async def choose(self, request: Admitted, *, tried: set[str]) -> Replica:
        """The next replica to ask; when all have failed, once more after a look at Redis."""
        try:
            return self._table.choose(request.model.served_model_id, without=tried)
        except Unavailable:
            await self._refresh_table()
            return self._table.choose(request.model.served_model_id)

    async def forget_the_gone(self) -> None:
        """Knock at replicas whose sign of life is overdue; those where nobody listens any more are forgotten."""
        for replica in self._table.stale():
            try:
                (await self.open(replica)).abort()
            except EngineUnreachable as error:
                self.failed(replica, is_gone=error.is_gone)

    async def open(self, replica: Replica) -> EngineConnection:
        return await connect(replica.record.endpoint, timeout_seconds=self._connect_timeout_seconds)

    def failed(self, replica: Replica, *, is_gone: bool) -> None:
        self._table.failed(replica, is_gone=is_gone)

    @contextmanager
    def held(self, engine: EngineConnection, *, replica: Replica) -> Generator[None]:
        """The engine counts as busy, and is closed at the end however that comes."""
        self.engines.add(engine)
        replica.in_flight += 1
        try:
            yield
        finally:
            replica.in_flight -= 1
            self.engines.discard(engine)
            engine.abort()


class Exchange:
    """The state of one request between its two ends."""

    def __init__(self, relay: Relay, *, request: Admitted, client: Client, meter: Meter) -> None:
        self._relay = relay
        self._request = request
        self._client = client
        self._meter = meter
        self._endpoint = ENDPOINTS[request.path]
        self._engine: EngineConnection | None = None
        self._asked_at = 0.0
        self._began = monotonic()

    async def run(self) -> None:
        self._client.watch(self._client_left)
        if self._request.parsed.stream:
            self._relay.silent.add(self)
            if self._request.parsed.turn:  # a comment may begin the stream before there is an answer to turn
                self._client.say_frame = self._request.parsed.turn().fail
        try:
            await self._try_replicas()
        except EngineBroken as broken:
            if self._client.left:
                raise ClientLeft from broken
            if broken.silent:
                raise EngineTimeout("The engine said nothing for too long.") from broken
            raise EngineFailed from broken
        finally:
            self._relay.silent.discard(self)
            self._client.unwatch()

    def ping_if_silent(self, now: float, *, after_seconds: float) -> None:
        """Called each second while nothing of the answer is there; `now` is monotonic."""
        if now - self._began >= after_seconds and not self._client.left:
            self._began = now
            self._client.ping()

    def _client_left(self) -> None:
        if self._engine:
            self._engine.abort()

    async def _try_replicas(self) -> None:
        tried: set[str] = set()
        for attempt in range(1, ATTEMPTS + 1):
            replica = await self._relay.choose(self._request, tried=tried)
            tried.add(replica.record.replica_id)
            self._meter.start(replica.record.version_id)
            try:
                await self._ask(replica)
                return
            except EngineUnreachable as error:
                self._relay.failed(replica, is_gone=error.is_gone)
                if attempt == ATTEMPTS:
                    raise Unavailable(
                        "The engines of this model do not answer.", hint="Try again soon.", retry_after_seconds=2.0
                    ) from error
            except EngineBroken as broken:
                if self._client.left:
                    raise
                self._relay.failed(replica, is_gone=False)
                if self._meter.has_output or broken.silent or attempt == ATTEMPTS:
                    raise

    async def _ask(self, replica: Replica) -> None:
        engine = await self._relay.open(replica)
        with self._relay.held(engine, replica=replica):
            self._engine = engine
            if self._client.left:
                raise ClientLeft
            self._asked_at = monotonic()
            headers = {"x-request-id": self._request.request_id}
            engine.write(render_request(self._endpoint.engine_path, body=self._request.parsed.body, headers=headers))
            status = await engine.head()
            first = await engine.read()
            self._meter.has_output = True
            self._meter.first_byte()
            self._relay.silent.discard(self)
            turn = self._request.parsed.turn() if self._request.parsed.turn else None
            if status == 200 and engine.headers.get(b"content-type", b"").startswith(b"text/event-stream"):
                await self._stream(engine, first, turn)
            else:
                await self._whole(engine, first, turn)

    async def _stream(self, engine: EngineConnection, piece: bytes, turn: Turn | None) -> None:
        client, meter = self._client, self._meter
        scanner = FrameScanner(keep_usage=self._request.parsed.keep_usage)
        feed, send, read = scanner.feed, client.send, engine.read
        await client.quiet()
        if turn is not None:
            client.say_frame = turn.fail
        try:
            while piece and not scanner.done:
                passed = feed(piece)
                if turn is not None:
                    passed = turn.feed(passed)
                if passed:
                    if not meter.is_answering:
                        meter.is_answering = True
                        if not client.started:
                            await client.start(200, SSE_HEADERS)
                    await send({"type": "http.response.body", "body": passed, "more_body": True})
                if scanner.error:
                    raise from_frame(scanner.error, content_field=self._endpoint.content_field)
                if not scanner.done:
                    piece = await read()
            if scanner.broken:
                raise EngineBroken("the engine's stream ended too early")
        finally:
            meter.usage, meter.frames = scanner.usage, scanner.frames
        await client.finish(await turn.close() if turn is not None else b"")

    async def _whole(self, engine: EngineConnection, first: bytes, turn: Turn | None) -> None:
        body = await read_all(engine, first)
        answered_at = monotonic()
        if engine.status != 200:
            raise from_engine(engine.status, body=body, content_field=self._endpoint.content_field)
        self._meter.usage = NOTHING_USED if self._endpoint.is_free else usage_of(body)
        if await self._client.quiet():
            raise EngineBroken("the engine did not stream what was asked for as a stream")
        if turn is not None:
            body = await turn.whole(body)
        await self._client.answer(200, body=body, headers=self._timing(answered_at))

    def _timing(self, answered_at: float) -> Headers:
        """Milliseconds: all of it, and the part that was not the engine's."""
        total = monotonic() - self._request.arrived
        ours = total - (answered_at - self._asked_at)
        return [
            (b"openai-processing-ms", str(round(total * 1000)).encode()),
            (b"x-thousand-sails-overhead-ms", f"{ours * 1000:.2f}".encode()),
        ]


async def read_all(engine: EngineConnection, first: bytes) -> bytes:
    """The engine's whole answer; raises EngineBroken where it does not end."""
    pieces, size = [first], len(first)
    while piece := await engine.read():
        pieces.append(piece)
        size += len(piece)
        if size > MAX_ANSWER_BYTES:
            raise EngineBroken("the engine's answer is too large")
    return b"".join(pieces)


def usage_of(body: bytes) -> TokenUsage | None:
    """The usage in a whole answer; raises EngineBroken where it is not a JSON object.

    Of a very long answer (embeddings) only the tail from `"usage"` is read: parsing it all would stall every stream.
    """
    if len(body) > PARSE_WHOLE_BYTES:
        return usage_in_tail(body)
    try:
        return parse_usage(parse_object(body).get("usage"))
    except ValueError as error:
        raise EngineBroken("the engine's answer is not a JSON object") from error


def usage_in_tail(body: bytes) -> TokenUsage | None:
    if not body.lstrip()[:1] == b"{" or not body.rstrip()[-1:] == b"}":
        raise EngineBroken("the engine's answer is not a JSON object")
    _, found, tail = body.rpartition(b'"usage"')
    try:
        return parse_usage(parse_object(b'{"usage"' + tail).get("usage")) if found else None
    except ValueError:
        return None
