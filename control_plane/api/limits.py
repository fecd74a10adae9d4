"""What the API takes on at once: no body over the limit, no more requests than there are database connections.

An endpoint that reads its body hears of it as HTTPException: FastAPI turns any other exception there into a 400.
"""

import asyncio

from fastapi import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from appliance.base.errors import TooLarge, Unavailable
from control_plane.api.errors import body_too_large, error_response

LIVENESS = "/healthz"
TURN_SECONDS = 20.0


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


class Turns:
    """Pure ASGI middleware: as many requests at work as the pool keeps connections, the others wait for their turn.

    Without it a burst fills every thread with requests that wait for a connection, and those that hold one find no
    thread to go on: all of them time out together. Liveness does not wait.
    """

    def __init__(self, app: ASGIApp, *, most: int) -> None:
        self.app = app
        self.free = asyncio.Semaphore(most)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] == LIVENESS:
            await self.app(scope, receive, send)
            return
        try:
            await asyncio.wait_for(self.free.acquire(), TURN_SECONDS)
        except TimeoutError:
            busy = Unavailable("The admin API is busy.", code="busy", retry_after_seconds=5)
            await error_response(busy)(scope, receive, send)
            return
        try:
            await self.app(scope, receive, send)
        finally:
            self.free.release()
