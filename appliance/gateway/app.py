"""The gateway as one ASGI application: the paths that reach an engine by hand, the rest through Starlette.

By hand because each layer of a framework costs more per request than all checks here together.
"""

from starlette.types import Receive, Scope, Send

from appliance.base.clock import monotonic
from appliance.base.errors import ApplianceError, Internal, Unavailable
from appliance.base.ids import new_request_id
from appliance.base.logs import get_logger
from appliance.gateway.access import find_model, require_task
from appliance.gateway.client import Client, Headers
from appliance.gateway.faults import ClientLeft, UnsupportedMedia
from appliance.gateway.metering import Admitted
from appliance.gateway.parts import Parts
from appliance.gateway.request_body import parse_request
from appliance.gateway.rest import build_rest
from appliance.gateway.wire.endpoints import ENDPOINTS
from appliance.gateway.wire.errors import ANTHROPIC_PATHS, voice_for
from appliance.gateway.wire.forward import is_forwarded
from appliance.gateway.wire.needs import require_capabilities
from appliance.gateway.wire.parsed import Around

log = get_logger(__name__)

OPENAI_VERSION = b"2020-10-01"
"""The version of OpenAI's API that every answer of theirs names."""


class Gateway:
    """The ASGI callable."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._rest = build_rest(parts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST" and scope["path"] in ENDPOINTS:
            await self._serve(scope, receive, send)
        elif scope["type"] == "http" and is_forwarded(scope["path"]):
            await self._parts.forwarder.serve(scope, receive, send)
        else:
            await self._rest(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        arrived, request_id = monotonic(), new_request_id()
        voice = voice_for(scope["path"], request_id=request_id)
        client = Client(receive, send=send, headers=answer_headers(scope["path"], request_id), voice=voice)
        self._parts.active += 1
        try:
            admitted = await self._admit(scope, client=client, request_id=request_id, arrived=arrived)
            await self._parts.relay.serve(admitted, client=client)
        except ClientLeft:
            log.info("client_left", request_id=request_id)
        except ApplianceError as error:
            log.info("request_refused", request_id=request_id, status=error.status, code=error.error_code)
            await client.refuse(error)
        except Exception:  # the loop's edge: one request's bug must not show as a bare 500 nor end the others
            log.exception("request_failed", request_id=request_id)
            await client.refuse(Internal("Something went wrong inside the gateway.", request_id=request_id))
        finally:
            self._parts.active -= 1

    async def _admit(self, scope: Scope, *, client: Client, request_id: str, arrived: float) -> Admitted:
        """Every check that needs no engine, the cheap ones first, before any of the body is held."""
        path, headers, settings = scope["path"], scope["headers"], self._parts.settings
        directory = self._parts.snapshot.directory
        key = self._parts.door.admit(scope, directory=directory)
        if self._parts.active > settings.gateway.max_concurrent_requests:
            raise Unavailable("The gateway is full.", hint="Try again soon.", retry_after_seconds=1.0)
        body = await client.read_body(
            declared_bytes=declared_json(headers),
            max_bytes=settings.http.max_body_bytes,
            timeout_seconds=settings.gateway.client_body_timeout_seconds,
        )
        parsed = parse_request(path, body=body, media=self._parts.media)
        model = find_model(directory, name=parsed.model, key=key)
        require_task(model, tasks=ENDPOINTS[path].tasks, path=path)
        require_capabilities(model, needs=parsed.needs)
        if parsed.finish is not None:
            around = Around(request_id=request_id, key=key, model=model, store=self._parts.responses)
            parsed = await parsed.finish(around)
        return Admitted(
            request_id=request_id, path=path, key=key, model=model, parsed=parsed, arrived=arrived, headers=headers
        )


def answer_headers(path: str, request_id: str) -> Headers:
    """`request-id` is what Anthropic's clients read, the others are OpenAI's."""
    ours = (b"x-request-id", request_id.encode())
    if path.startswith(ANTHROPIC_PATHS):
        return [ours, (b"request-id", request_id.encode())]
    return [ours, (b"openai-version", OPENAI_VERSION)]


def declared_json(headers: Headers) -> int | None:
    """The declared length of the body; raises UnsupportedMedia where it is declared to be anything but JSON."""
    length = None
    for name, value in headers:
        if name == b"content-length" and value.isdigit():
            length = int(value)
        elif name == b"content-type" and b"json" not in value:
            raise UnsupportedMedia(
                f"The body is declared as '{value[:80].decode('latin-1')}'.", hint="Send JSON as `application/json`."
            )
    return length
