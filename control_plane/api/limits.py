"""Refuse bodies over the limit, declared or not, before they fill the memory.

An endpoint that reads its body hears of it as HTTPException: FastAPI turns any other exception there into a 400.
"""

from fastapi import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from appliance.base.errors import TooLarge
from control_plane.api.errors import body_too_large, error_response


class BodyLimit:
    """Pure ASGI middleware. A body that turns out too large while it is read ends as 413 all the same."""

    def __init__(self, app: ASGIApp, *, max_bytes: int) -> None:
        self.app = app
        self.max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if declared_length(scope) > self.max_bytes:
            await error_response(body_too_large())(scope, receive, send)
            return
        received = 0

        async def counted_receive() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self.max_bytes:
                raise HTTPException(status_code=TooLarge.status)
            return message

        await self.app(scope, counted_receive, send)


def declared_length(scope: Scope) -> int:
    """The `content-length`, 0 where there is none or it is no number (uvicorn has refused such a one already)."""
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0
