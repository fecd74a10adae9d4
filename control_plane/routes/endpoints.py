"""`/api/v1/routes` and `/api/v1/endpoints`. Routes' names may hold slashes, so they are paths."""

from typing import Annotated, cast

from fastapi import APIRouter, Request

from appliance.base.sealing import Sealer
from appliance.base.secret_files import Secret, ensure_secret
from appliance.base.settings import Settings
from control_plane.access.dependencies import CurrentAdmin, needs
from control_plane.access.domain import Principal
from control_plane.access.policy import Permission
from control_plane.database.dependencies import DbSession
from control_plane.database.paging import ListAnswer, list_answer
from control_plane.routes import endpoint_service, repository, service
from control_plane.routes.schemas import (
    EndpointAnswer,
    EndpointRequest,
    NewRouteRequest,
    RouteAnswer,
    RouteRequest,
    WeightsPatch,
    endpoint_answer,
    route_answer,
)
from control_plane.routes.tables import RouteRow

router = APIRouter(prefix="/api/v1", tags=["routes"])

Reads = Annotated[Principal, needs(Permission.SERVED_MODELS_READ)]
Writes = Annotated[Principal, needs(Permission.SERVED_MODELS_WRITE)]


def answer(session: DbSession, row: RouteRow) -> RouteAnswer:
    return route_answer(row, names=service.names_of(session))


@router.get("/routes")
def list_routes(session: DbSession, _: Reads) -> ListAnswer[RouteAnswer]:
    """All of them, sorted by name."""
    names = service.names_of(session)
    return list_answer([route_answer(row, names=names) for row in repository.all_routes(session)])


@router.post("/routes", status_code=201)
def create_route(session: DbSession, admin: Writes, body: NewRouteRequest) -> RouteAnswer:
    """A new public name. Gateways know it within two seconds."""
    return answer(session, service.create(session, admin, body.name, body))


@router.get("/routes/{name:path}")
def get_route(session: DbSession, _: Reads, name: str) -> RouteAnswer:
    return answer(session, service.find(session, name))


@router.put("/routes/{name:path}")
def replace_route(session: DbSession, admin: Writes, name: str, body: RouteRequest) -> RouteAnswer:
    """All of it but the name. What runs goes on where it is."""
    return answer(session, service.replace(session, admin, name, body))


@router.patch("/routes/{name:path}")
def change_weights(session: DbSession, admin: Writes, name: str, body: WeightsPatch) -> RouteAnswer:
    """Other weights, from the next request on."""
    return answer(session, service.set_weights(session, admin, name, body.weights))


@router.delete("/routes/{name:path}")
def remove_route(session: DbSession, admin: Writes, name: str) -> RouteAnswer:
    """Take the name away; what runs goes on to its end."""
    shown = answer(session, service.find(session, name))
    service.remove(session, admin, name)
    return shown


@router.get("/endpoints")
def list_endpoints(session: DbSession, _: CurrentAdmin) -> ListAnswer[EndpointAnswer]:
    """Endpoints elsewhere, sorted by name, without their keys."""
    return list_answer([endpoint_answer(row) for row in repository.all_endpoints(session)])


@router.post("/endpoints", status_code=201)
def create_endpoint(session: DbSession, admin: CurrentAdmin, request: Request, body: EndpointRequest) -> EndpointAnswer:
    """An OpenAI-compatible or Anthropic server that routes may lead to. Its key is sealed and never shown."""
    settings = cast(Settings, request.app.state.settings)
    sealer = Sealer(ensure_secret(settings.paths, Secret.KEY_ENCRYPTION_KEY))
    return endpoint_answer(endpoint_service.create(session, admin, body, sealer=sealer))


@router.delete("/endpoints/{name}")
def remove_endpoint(session: DbSession, admin: CurrentAdmin, name: str) -> EndpointAnswer:
    """Take an endpoint away; refused while a route leads there."""
    return endpoint_answer(endpoint_service.remove(session, admin, name))
