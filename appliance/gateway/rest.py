"""The paths that are not hot: the list of models, and health. Plain Starlette, one envelope for all errors."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from appliance.base.contracts.snapshot import SnapshotKey, SnapshotModel
from appliance.base.errors import ApplianceError, Internal, NotFound
from appliance.base.ids import new_request_id
from appliance.base.logs import get_logger
from appliance.gateway.access import find_model, visible_models
from appliance.gateway.client import error_headers
from appliance.gateway.parts import Parts, running
from appliance.gateway.snapshot_file import Directory

log = get_logger(__name__)


class MethodNotAllowed(NotFound):
    code, status = "method_not_allowed", 405


def build_rest(parts: Parts) -> Starlette:
    """Everything but the hot paths; its lifespan keeps the background loops running."""

    async def list_models(request: Request) -> Response:
        directory, key = caller(parts, request)
        models = [model_object(model) for model in visible_models(directory, key=key)]
        return answer({"object": "list", "data": models})

    async def get_model(request: Request) -> Response:
        directory, key = caller(parts, request)
        return answer(model_object(find_model(directory, name=request.path_params["name"], key=key)))

    async def healthz(_: Request) -> Response:
        return answer(health(parts))

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        async with running(parts):
            yield

    return Starlette(
        routes=[
            Route("/v1/models", list_models),
            Route("/v1/models/{name:path}", get_model),
            Route("/healthz", healthz),
        ],
        exception_handlers={ApplianceError: on_error, HTTPException: on_http_error, Exception: on_crash},
        lifespan=lifespan,
    )


def caller(parts: Parts, request: Request) -> tuple[Directory, SnapshotKey]:
    directory = parts.snapshot.directory
    return directory, parts.door.admit(request.scope, directory=directory)


def model_object(model: SnapshotModel) -> dict[str, Any]:
    """OpenAI's model object, and the context length as vLLM names it."""
    return {
        "id": model.name,
        "object": "model",
        "created": model.created,
        "owned_by": model.owned_by,
        "max_model_len": model.max_model_len,
    }


def health(parts: Parts) -> dict[str, Any]:
    """Alive is alive: always `ok` while this answers. `ready` and `detail` say what a person should know."""
    problems = [problem for problem in (parts.snapshot.problem,) if problem]
    if parts.feed.reachable is False:
        problems.append("Redis does not answer; serving goes on with what was last seen")
    if parts.spool.waiting:
        problems.append("the disk does not take usage records; new requests are refused")
    return {
        "status": "ok",
        "ready": parts.snapshot.version is not None,
        "detail": {
            "snapshot_version": parts.snapshot.version,
            "replicas": len(parts.table.records),
            "active_requests": parts.active,
            "problems": problems,
        },
    }


def answer(content: dict[str, Any], *, status: int = 200) -> JSONResponse:
    return JSONResponse(content, status_code=status, headers={"x-request-id": new_request_id()})


async def on_error(_: Request, exc: Exception) -> Response:
    assert isinstance(exc, ApplianceError)
    response = answer(exc.envelope(), status=exc.status)
    response.headers.update({name.decode(): value.decode() for name, value in error_headers(exc)})
    return response


async def on_http_error(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, HTTPException)
    if exc.status_code == 405:
        return await on_error(request, MethodNotAllowed(f"{request.method} is not possible on this path."))
    return await on_error(request, NotFound("There is nothing at this path.", hint="See GET /v1/models."))


async def on_crash(request: Request, exc: Exception) -> Response:
    log.error("request_failed", path=request.url.path, exc_info=exc)
    return await on_error(request, Internal("Something went wrong inside the gateway."))
