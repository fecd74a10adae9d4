"""`/api/v1/served-models` and `/api/v1/replicas`. Names may hold slashes, so they are paths."""

from typing import Annotated

from fastapi import APIRouter, Query

from appliance.base import clock
from control_plane.access.dependencies import needs
from control_plane.access.domain import Principal
from control_plane.access.policy import Permission
from control_plane.catalogue.schemas import advice_answers
from control_plane.database.dependencies import DbSession
from control_plane.database.paging import ListAnswer, list_answer
from control_plane.placements.repository import placements_of
from control_plane.served_models import repository, service
from control_plane.served_models.schemas import (
    DeployAnswer,
    ReplicaAnswer,
    ServedModelAnswer,
    ServedModelPatch,
    ServedModelRequest,
    replica_answer,
    served_model_answer,
)
from control_plane.served_models.service import NewServedModel
from control_plane.served_models.tables import ManagedBy, ServedModel
from control_plane.tenants.service import default_project

router = APIRouter(prefix="/api/v1", tags=["served models"])

Reads = Annotated[Principal, needs(Permission.SERVED_MODELS_READ)]
Writes = Annotated[Principal, needs(Permission.SERVED_MODELS_WRITE)]


def answer(session: DbSession, served: ServedModel) -> ServedModelAnswer:
    return served_model_answer(
        served,
        replicas=repository.replicas_of(session, served.id),
        placements=placements_of(session, served.id),
    )


@router.get("/served-models")
def list_served_models(session: DbSession, principal: Reads) -> ListAnswer[ServedModelAnswer]:
    """The shared ones and those of one's projects, sorted by name."""
    shared = default_project(session).id
    seen = repository.visible(session, reach=principal.reach, shared_project_id=shared)
    return list_answer([answer(session, served) for served in seen])


@router.post("/served-models", status_code=202)
def create_served_model(session: DbSession, admin: Writes, body: ServedModelRequest) -> DeployAnswer:
    """Deploy: the model is imported where needed, then started."""
    wanted = NewServedModel(
        name=body.name,
        model=body.model,
        version_id=body.version_id,
        desired_replicas=body.desired_replicas,
        max_model_len=body.max_model_len,
        engine_pack=body.engine_pack,
        rules=body.placement,
        managed_by=body.managed_by,
    )
    served = service.create(session, admin, wanted)
    known = service.entry_of(session, served)
    warnings = advice_answers(known, today=clock.now().date()) if known else []
    return DeployAnswer(**dict(answer(session, served)), warnings=warnings)


@router.get("/served-models/{name:path}")
def get_served_model(session: DbSession, principal: Reads, name: str) -> ServedModelAnswer:
    return answer(session, service.find_visible(session, name, reach=principal.reach))


@router.patch("/served-models/{name:path}", status_code=202)
def scale_served_model(session: DbSession, admin: Writes, name: str, body: ServedModelPatch) -> ServedModelAnswer:
    """Set the number of replicas, or let the load decide."""
    if body.autoscaling is not None or body.fixed:
        wanted = body.autoscaling.wanted if body.autoscaling else None
        service.autoscale(session, admin, name, wanted, managed_by=body.managed_by)
    if body.desired_replicas is not None:
        service.scale(session, admin, name, desired_replicas=body.desired_replicas, managed_by=body.managed_by)
    return answer(session, service.find(session, name))


@router.delete("/served-models/{name:path}", status_code=202)
def remove_served_model(
    session: DbSession,
    admin: Writes,
    name: str,
    managed_by: Annotated[ManagedBy | None, Query(description="Who asks.")] = None,
) -> ServedModelAnswer:
    """Drain and remove; the answer's state says that it is going."""
    return answer(session, service.remove(session, admin, name, managed_by=managed_by))


@router.get("/replicas")
def list_replicas(session: DbSession, principal: Reads) -> ListAnswer[ReplicaAnswer]:
    """Of the served models that one sees."""
    shared = default_project(session).id
    seen = repository.visible_replicas(session, reach=principal.reach, shared_project_id=shared)
    return list_answer([replica_answer(replica) for replica in seen])
