"""`x-request-id` on every answer and in every log line of the request. Ours alone: a client's own id is not trusted."""

import structlog
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from appliance.base.clock import monotonic
from appliance.base.ids import new_request_id
from appliance.base.logs import get_logger
from control_plane.api.errors import unexpected

log = get_logger(__name__)


class RequestIds:
    """Pure ASGI middleware, the edge of the process: an error that nobody answered becomes a 500 here, with its id."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id, began = new_request_id(), monotonic()
        status: int | None = None
        scope.setdefault("state", {})["request_id"] = request_id

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["x-request-id"] = request_id
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self.app(scope, receive, send_with_id)
            except Exception as error:
                log.error("request_failed", exc_info=error)
                if status is None:
                    await unexpected()(scope, receive, send_with_id)
            log.info(
                "request_was_answered",
                method=scope["method"],
                path=scope["path"],
                status=status,
                seconds=round(monotonic() - began, 4),
            )
