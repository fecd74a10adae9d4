"""The paths that are not hot: the list of models, and health. Plain Starlette, one envelope for all errors."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
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
from appliance.gateway.wire.errors import ANTHROPIC_HEADER, ANTHROPIC_PATHS, anthropic_envelope

log = get_logger(__name__)


class MethodNotAllowed(NotFound):
    code, status = "method_not_allowed", 405


def build_rest(parts: Parts) -> Starlette:
    """Everything but the hot paths; its lifespan keeps the background loops running."""

    async def list_models(request: Request) -> Response:
        directory, key = caller(parts, request)
        models = visible_models(directory, key=key)
        if speaks_anthropic(request):
            return answer(anthropic_list([anthropic_model(model) for model in models], query=request.query_params))
        return answer({"object": "list", "data": [model_object(model) for model in models]})

    async def get_model(request: Request) -> Response:
        directory, key = caller(parts, request)
        model = find_model(directory, name=request.path_params["name"], key=key)
        return answer(anthropic_model(model) if speaks_anthropic(request) else model_object(model))

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


def speaks_anthropic(request: Request) -> bool:
    """Anthropic's clients name the version of their API with every request."""
    return request.url.path.startswith(ANTHROPIC_PATHS) or ANTHROPIC_HEADER in request.headers


def anthropic_model(model: SnapshotModel) -> dict[str, Any]:
    """https://docs.anthropic.com/en/api/models, and the context length as in OpenAI's list."""
    return {
        "type": "model",
        "id": model.name,
        "display_name": model.name,
        "created_at": datetime.fromtimestamp(model.created, UTC).isoformat().replace("+00:00", "Z"),
        "max_input_tokens": model.max_model_len,
    }


def anthropic_list(models: list[dict[str, Any]], *, query: Mapping[str, str]) -> dict[str, Any]:
    """A page of it: `after_id` or `before_id`, and `limit` (20 unless told, 1000 at most)."""
    ids = [model["id"] for model in models]
    limit = int(query.get("limit", "20")) if query.get("limit", "20").isdigit() else 20
    limit = max(1, min(limit, 1000))
    if query.get("before_id") in ids:
        before = models[: ids.index(query["before_id"])]
        page, has_more = before[-limit:], len(before) > limit
    else:
        rest = models[ids.index(query["after_id"]) + 1 :] if query.get("after_id") in ids else models
        page, has_more = rest[:limit], len(rest) > limit
    return {
        "data": page,
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
        "has_more": has_more,
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


def answer(content: dict[str, Any], *, status: int = 200, request_id: str | None = None) -> JSONResponse:
    """Anthropic's clients read `request-id`, OpenAI's `x-request-id`."""
    known = request_id or new_request_id()
    return JSONResponse(content, status_code=status, headers={"x-request-id": known, "request-id": known})


async def on_error(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, ApplianceError)
    request_id = new_request_id()
    said = anthropic_envelope(exc, request_id=request_id) if speaks_anthropic(request) else exc.envelope()
    response = answer(said, status=exc.status, request_id=request_id)
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
