"""What can go wrong between the gateway and an engine, and the errors that only a gateway gives."""

from typing import Any, ClassVar

from appliance.base.errors import ApplianceError


class EngineUnreachable(Exception):
    """The engine's address did not take a connection; `is_gone` where nobody listens there at all."""

    def __init__(self, reason: str, *, is_gone: bool) -> None:
        super().__init__(reason)
        self.is_gone = is_gone


class EngineBroken(Exception):
    """The engine closed too early, said nothing for too long (`silent`), or sent what is not HTTP, SSE or JSON."""

    def __init__(self, reason: str, *, silent: bool = False) -> None:
        super().__init__(reason)
        self.silent = silent


class ClientLeft(Exception):
    """The client closed its connection before the answer was complete."""


class EngineFailed(ApplianceError):
    """The engine took the request and did not give a usable answer."""

    code: ClassVar[str] = "engine_error"
    status: ClassVar[int] = 502
    type: ClassVar[str] = "server_error"

    def __init__(self, message: str = "The engine failed while answering this request.", **rest: Any) -> None:
        super().__init__(message, **rest)


class UnsupportedMedia(ApplianceError):
    code: ClassVar[str] = "unsupported_media_type"
    status: ClassVar[int] = 415
    type: ClassVar[str] = "invalid_request_error"
