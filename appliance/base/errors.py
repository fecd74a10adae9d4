"""The error tree. Each error has a stable `code`, an HTTP `status`, and a `hint` that says what to do.

ApplianceError                  anything the appliance says to a person or a client
+- BadRequest            400    what was sent cannot be understood
|  +- ContextTooLong     400
+- Unauthenticated       401    no key, or one we do not know
+- Forbidden             403    known, but not allowed
+- NotFound              404
|  +- ModelNotFound      404
+- Conflict              409    only where a retry can help (OpenAI's SDK retries it)
+- TooLarge              413
+- RateLimited           429
+- Internal              500
+- Unavailable           503    nothing is ready; try again after `retry_after_seconds`
+- EngineTimeout         504
+- Insufficient          507    disk or memory is short
+- SetupError            n/a    the box itself: a port, a file, a missing package (CLI and start-up)
   +- NewerFormat               state written by a newer version
"""

from typing import Any, ClassVar


class ApplianceError(Exception):
    """Base of all errors that are meant to be read. `params` carries the figures of the message for translation."""

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    type: ClassVar[str] = "server_error"

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        param: str | None = None,
        code: str | None = None,
        retry_after_seconds: float | None = None,
        **params: Any,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.param = param
        self.error_code = code or self.code
        self.retry_after_seconds = retry_after_seconds
        self.params = params

    def envelope(self) -> dict[str, Any]:
        """OpenAI's error body: `{"error": {message, type, param, code}}`, with `params` where there are any."""
        message = f"{self.message} {self.hint}" if self.hint else self.message
        body: dict[str, Any] = {
            "message": message,
            "type": self.type,
            "param": self.param,
            "code": self.error_code,
        }
        if self.params:
            body["params"] = self.params
        return {"error": body}


class BadRequest(ApplianceError):
    code, status, type = "invalid_request", 400, "invalid_request_error"


class ContextTooLong(BadRequest):
    code = "context_length_exceeded"


class Unauthenticated(ApplianceError):
    code, status, type = "invalid_api_key", 401, "invalid_request_error"


class Forbidden(ApplianceError):
    code, status, type = "permission_denied", 403, "permission_error"


class NotFound(ApplianceError):
    code, status, type = "not_found", 404, "invalid_request_error"


class ModelNotFound(NotFound):
    code = "model_not_found"


class RequestTimeout(ApplianceError):
    code, status, type = "request_timeout", 408, "invalid_request_error"


class Conflict(ApplianceError):
    code, status, type = "conflict", 409, "invalid_request_error"


class TooLarge(ApplianceError):
    code, status, type = "request_too_large", 413, "invalid_request_error"


class RateLimited(ApplianceError):
    code, status, type = "rate_limit_exceeded", 429, "rate_limit_error"


class Internal(ApplianceError):
    code, status, type = "internal_error", 500, "server_error"


class Unavailable(ApplianceError):
    code, status, type = "not_ready", 503, "server_error"


class EngineTimeout(ApplianceError):
    code, status, type = "engine_timeout", 504, "server_error"


class Insufficient(ApplianceError):
    code, status, type = "insufficient_storage", 507, "server_error"


class SetupError(ApplianceError):
    """Something about the box that a person has to mend; the CLI prints message and hint and exits with 1."""

    code = "setup_error"


class NewerFormat(SetupError):
    code = "newer_format"
