"""One admitted request on its way: try the targets of its route in turn, pass the answer on, account for how it ended.

Somebody else is asked only while no byte of an answer has come. Everything that a streamed chunk costs is in `_stream`.
"""

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace

from appliance.base.clock import monotonic
from appliance.base.errors import ApplianceError, EngineTimeout
from appliance.gateway.client import SSE_HEADERS, Client, Headers, Message
from appliance.gateway.engine_connection import EngineConnection, connect
from appliance.gateway.engine_errors import from_engine, from_frame
from appliance.gateway.faults import ClientLeft, EngineBroken, EngineFailed, EngineUnreachable
from appliance.gateway.json_objects import parse_object
from appliance.gateway.metering import CLIENT_LEFT, Admitted, Meter
from appliance.gateway.routing.attempts import Attempts, Ways
from appliance.gateway.routing.plans import Plan
from appliance.gateway.routing.shadows import Shadows
from appliance.gateway.routing.translation import Translator
from appliance.gateway.routing.upstream import Upstream, refuse_early
from appliance.gateway.sse import FrameScanner, TokenUsage, parse_usage
from appliance.gateway.usage_spool import UsageSpool
from appliance.gateway.wire.endpoints import ENDPOINTS
from appliance.gateway.wire.parsed import Turn

MAX_ANSWER_BYTES = 256 * 1024 * 1024
PARSE_WHOLE_BYTES = 256 * 1024
NOTHING_USED = TokenUsage(0, 0)


class Relay:
    """Shared by all requests. `silent` are the streams that have nothing to say yet."""

    def __init__(self, ways: Ways, *, spool: UsageSpool) -> None:
        self.engines: set[EngineConnection] = set()
        self.ways = ways
        self.router = ways.router
        self.shadows = Shadows(self._copy, router=ways.router)
        self.silent: set[Exchange] = set()
        self._spool = spool

    async def serve(self, request: Admitted, *, client: Client) -> None:
        """Answers the client in full; raises ApplianceError where it still has to be refused, ClientLeft."""
        plan = self.router.plan(request, self.ways.directory())
        if plan.route.shadow is not None:
            self.shadows.consider(plan.route, request)
        meter = Meter(self._spool, request=request, route=plan.route.route_id or None)
        await self._answer(Exchange(self, request=request, plan=plan, client=client, meter=meter))

    async def _copy(self, request: Admitted, plan: Plan) -> None:
        """The same request once more for a shadow target; what comes back is read and thrown away, and kept nowhere."""
        request = replace(request, parsed=replace(request.parsed, turn=None))
        meter = Meter(self._spool, request=request, route=plan.route.route_id, is_shadow=True)
        nobody = Client(never, send=drop, headers=[])
        await self._answer(Exchange(self, request=request, plan=plan, client=nobody, meter=meter, is_shadow=True))

    async def _answer(self, exchange: "Exchange") -> None:
        meter = exchange.meter
        try:
            await exchange.run()
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

    async def forget_the_gone(self) -> None:
        """Knock at replicas whose sign of life is overdue; those where nobody listens any more are forgotten."""
        limit = self.router.settings.connect_timeout_seconds
        for replica in self.router.table.stale():
            try:
                (await connect(replica.record.endpoint, timeout_seconds=limit)).abort()
            except EngineUnreachable as error:
                self.router.replica_failed(replica, is_gone=error.is_gone)

    @contextmanager
    def held(self, engine: EngineConnection, *, upstream: Upstream) -> Generator[None]:
        """The engine counts as busy, and is let go at the end: closed, unless the answer came whole."""
        self.engines.add(engine)
        upstream.busier(1)
        try:
            yield
        except BaseException:
            engine.abort()
            raise
        finally:
            upstream.busier(-1)
            self.engines.discard(engine)
            engine.release()


class Exchange:
    """The state of one request between its two ends. A shadow does not wait for a place and is tried once."""

    def __init__(
        self, relay: Relay, *, request: Admitted, plan: Plan, client: Client, meter: Meter, is_shadow: bool = False
    ) -> None:
        self.client = client
        self.meter = meter
        self._relay = relay
        self._request = request
        self._endpoint = ENDPOINTS[request.path]
        self._is_shadow = is_shadow
        self._engine: EngineConnection | None = None
        self._rename: Callable[[bytes], bytes] | None = None
        self._translator: Translator | None = None
        self._asked_at = 0.0
        self._began = monotonic()
        self._attempts = Attempts(relay.ways, request=request, plan=plan, meter=meter, ask=self._ask, once=is_shadow)

    async def run(self) -> None:
        self.client.watch(self._client_left)
        if self._request.parsed.stream and not self._is_shadow:
            self._relay.silent.add(self)
            if self._request.parsed.turn:  # a comment may begin the stream before there is an answer to turn
                self.client.say_frame = self._request.parsed.turn().fail
        try:
            await self._attempts.run()
        except EngineBroken as broken:
            if self.client.left:
                raise ClientLeft from broken
            if broken.silent:
                raise EngineTimeout("The engine said nothing for too long.") from broken
            raise EngineFailed from broken
        finally:
            self._relay.silent.discard(self)
            self.client.unwatch()

    def ping_if_silent(self, now: float, *, after_seconds: float) -> None:
        """Called each second while nothing of the answer is there; `now` is monotonic."""
        if now - self._began >= after_seconds and not self.client.left:
            self._began = now
            self.client.ping()

    def _client_left(self) -> None:
        self._attempts.break_off(ClientLeft())
        if self._engine:
            self._engine.abort()

    async def _ask(self, upstream: Upstream) -> None:
        engine = await upstream.open()
        with self._relay.held(engine, upstream=upstream):
            self._engine, self._rename, self._translator = engine, upstream.rename, upstream.translator
            if self.client.left:
                raise ClientLeft
            self._asked_at = monotonic()
            engine.write(upstream.render(self._request, headers={"x-request-id": self._request.request_id}))
            status = await engine.head()
            refuse_early(status, upstream=upstream)
            first = await engine.read()
            self.meter.has_output = True
            self.meter.first_byte()
            self._relay.silent.discard(self)
            turn = self._request.parsed.turn() if self._request.parsed.turn else None
            if status == 200 and engine.headers.get(b"content-type", b"").startswith(b"text/event-stream"):
                await self._stream(engine, first, turn)
            else:
                await self._whole(engine, first, turn)

    async def _stream(self, engine: EngineConnection, piece: bytes, turn: Turn | None) -> None:
        client, meter = self.client, self.meter
        scanner = FrameScanner(keep_usage=self._request.parsed.keep_usage)
        feed, send, read = scanner.feed, client.send, engine.read
        translate = self._translator.feed if self._translator else None
        change = turn.feed if turn is not None else self._rename
        await client.quiet()
        if turn is not None:
            client.say_frame = turn.fail
        try:
            while piece and not scanner.done:
                passed = feed(translate(piece) if translate else piece)
                if change is not None:
                    passed = change(passed)
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
        if self._translator:
            body = self._translator.whole(engine.status, body=body)
        if engine.status != 200:
            raise from_engine(engine.status, body=body, content_field=self._endpoint.content_field)
        self.meter.usage = NOTHING_USED if self._endpoint.is_free else usage_of(body)
        if await self.client.quiet():
            raise EngineBroken("the engine did not stream what was asked for as a stream")
        if turn is not None:
            body = await turn.whole(body)
        elif self._rename:
            body = self._rename(body)
        await self.client.answer(200, body=body, headers=self._timing(answered_at))

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


async def never() -> Message:
    """A client that never says anything."""
    return await asyncio.get_running_loop().create_future()


async def drop(_: Message) -> None:
    """A client that listens to nothing."""
