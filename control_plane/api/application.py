"""Build the application from its parts."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from sqlalchemy.orm import Session

from appliance.base.settings import Settings
from control_plane.access.dependencies import permission_of
from control_plane.access.domain import Credentials, Principal
from control_plane.access.policy import Permission
from control_plane.api.errors import ErrorAnswer, install_error_answers
from control_plane.api.limits import BodyLimit, Turns
from control_plane.api.request_ids import RequestIds
from control_plane.api.routers import ROUTERS
from control_plane.catalogue.shelf import Shelf
from control_plane.database.session import SessionFactory
from control_plane.keys.authentication import authenticate as by_api_key
from control_plane.placements.fits_here import FitsHere
from control_plane.sessions.service import authenticate as by_login
from control_plane.users.invites import authenticate as by_invite

API_VERSION = "1"
GIB = 1024**3
ERROR_STATUSES = (400, 401, 403, 404, 503)


@dataclass(frozen=True)
class Parts:
    """What the application stands on. `publish_nudge` takes a reconciler's name."""

    settings: Settings
    session_factory: SessionFactory
    publish_nudge: Callable[[str], None]


def build_application(parts: Parts) -> FastAPI:
    application = AdminApi(
        title="Thousand Sails admin API",
        version=API_VERSION,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        generate_unique_id_function=operation_id,
        responses={status: {"model": ErrorAnswer} for status in ERROR_STATUSES},
    )
    application.state.settings = parts.settings
    application.state.session_factory = parts.session_factory
    application.state.publish_nudge = parts.publish_nudge
    application.state.authenticate = authenticate
    application.state.shelf = Shelf()
    application.state.fits_here = FitsHere(kv_cache_bytes=int(parts.settings.engines.kv_cache_gib * GIB))
    install_error_answers(application)
    for router in ROUTERS:
        application.include_router(router)
    application.add_middleware(BodyLimit, max_bytes=parts.settings.http.max_body_bytes)
    application.add_middleware(Turns, most=parts.settings.database.pool_size)
    application.add_middleware(RequestIds)
    return application


def authenticate(session: Session, credentials: Credentials) -> Principal | None:
    """Each looks at the kind of proof that is its own."""
    for known in (by_login, by_api_key, by_invite):
        principal = known(session, credentials)
        if principal is not None:
            return principal
    return None


class AdminApi(FastAPI):
    """FastAPI documents a 422 wherever there is a body or a parameter; ours answer 400 with the error envelope. Each
    operation says as `x-permission` which one it needs.
    """

    def openapi(self) -> dict[str, Any]:
        document = super().openapi()
        for path in document["paths"].values():
            for operation in path.values():
                operation["responses"].pop("422", None)
        for (method, path), permission in permissions().items():
            document["paths"][path][method]["x-permission"] = permission.value
        for unused in ("HTTPValidationError", "ValidationError"):
            document["components"]["schemas"].pop(unused, None)
        return document


def permissions() -> dict[tuple[str, str], Permission]:
    """By method (lower case) and path; operations that are open to all are not in it."""
    found: dict[tuple[str, str], Permission] = {}
    for route in (route for router in ROUTERS for route in router.routes):
        permission = permission_of(route.dependant) if isinstance(route, APIRoute) else None
        if isinstance(route, APIRoute) and permission is not None:
            found |= {(method.lower(), route.path_format): permission for method in route.methods or ()}
    return found


def operation_id(route: APIRoute) -> str:
    """The function's name: generated clients then read like our code. A contract test keeps them unique."""
    return route.name
