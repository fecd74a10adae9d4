"""Every error as OpenAI's envelope, whatever raised it. A database that is away is 503 with Retry-After, not 500."""

from collections.abc import Mapping
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy import exc
from starlette.exceptions import HTTPException
from starlette.types import ExceptionHandler

from appliance.base.errors import (
    ApplianceError,
    BadRequest,
    Conflict,
    Forbidden,
    Internal,
    NotFound,
    TooLarge,
    Unavailable,
)
from appliance.base.logs import get_logger

log = get_logger(__name__)

MOST_REASON_CHARACTERS = 300


class ErrorBody(BaseModel):
    message: str
    type: str
    param: str | None = None
    code: str
    params: dict[str, Any] | None = None


class ErrorAnswer(BaseModel):
    """OpenAI's error envelope."""

    error: ErrorBody


class MethodNotAllowed(ApplianceError):
    code, status, type = "method_not_allowed", 405, "invalid_request_error"


def install_error_answers(application: FastAPI) -> None:
    handlers: dict[type[Exception], Any] = {
        ApplianceError: answer_appliance_error,
        RequestValidationError: answer_invalid_request,
        HTTPException: answer_http_exception,
        exc.OperationalError: answer_database_away,
        exc.InterfaceError: answer_database_away,
        exc.TimeoutError: answer_database_away,
        exc.DataError: answer_refused_value,
        exc.IntegrityError: answer_clash,
    }
    for kind, handler in handlers.items():
        application.add_exception_handler(kind, cast(ExceptionHandler, handler))


def error_response(error: ApplianceError, *, headers: Mapping[str, str] | None = None) -> JSONResponse:
    sent = dict(headers or {})
    if error.retry_after_seconds is not None:
        sent["retry-after"] = str(max(1, round(error.retry_after_seconds)))
    return JSONResponse(error.envelope(), status_code=error.status, headers=sent)


def answer_appliance_error(_: Request, error: ApplianceError) -> JSONResponse:
    return error_response(error)


def answer_invalid_request(_: Request, error: RequestValidationError) -> JSONResponse:
    """FastAPI's 422 becomes 400 with the first wrong field as `param`."""
    first = error.errors()[0]
    place = [str(part) for part in first["loc"] if part not in ("body", "query", "path", "header", "cookie")]
    if first["type"] == "json_invalid":
        return error_response(BadRequest("The body is not valid JSON.", code="invalid_json"))
    param = ".".join(place) or None
    where = f"`{param}`: " if param else ""
    return error_response(BadRequest(f"{where}{str(first['msg'])[:MOST_REASON_CHARACTERS]}.", param=param))


def answer_http_exception(_: Request, error: HTTPException) -> JSONResponse:
    """What the framework itself raises: an unknown path, a wrong method, a body that cannot be read."""
    if error.status_code == Forbidden.status:
        return error_response(Forbidden(str(error.detail)))
    if error.status_code == NotFound.status:
        return error_response(NotFound("There is nothing at this address."))
    if error.status_code == MethodNotAllowed.status:
        return error_response(MethodNotAllowed("This address does not know this method."), headers=error.headers)
    if error.status_code == TooLarge.status:
        return error_response(body_too_large())
    return error_response(BadRequest(str(error.detail)))


def body_too_large() -> TooLarge:
    return TooLarge("The body is larger than this address accepts.", hint="See APPLIANCE_HTTP__MAX_BODY_BYTES.")


def answer_database_away(_: Request, error: exc.SQLAlchemyError) -> JSONResponse:
    log.warning("database_did_not_answer", reason=type(error).__name__)
    return error_response(
        Unavailable("The registry does not answer at the moment.", code="registry_unavailable", retry_after_seconds=2)
    )


def answer_refused_value(_: Request, error: exc.DataError) -> JSONResponse:
    """PostgreSQL refuses what Python lets through: a NUL character, a number that is too large."""
    log.info("value_was_refused", reason=type(error.orig).__name__)
    return error_response(BadRequest("A value in the request cannot be stored."))


def answer_clash(_: Request, error: exc.IntegrityError) -> JSONResponse:
    """Two requests at once made the same thing; the second may look again."""
    log.info("write_clashed", reason=type(error.orig).__name__)
    return error_response(Conflict("Somebody else changed this at the same moment.", hint="Try again."))


def unexpected() -> JSONResponse:
    """Says nothing of what happened; the log does, under the same request id."""
    return error_response(Internal("Something went wrong inside the appliance.", hint="Its log names the request id."))
