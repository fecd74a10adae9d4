"""`GET /api/v1/system/status`. Processes are not here: the supervisor knows them, and `appliance status` asks it."""

from importlib.metadata import version
from typing import Annotated

from fastapi import APIRouter

from appliance.base import clock
from control_plane.access.dependencies import needs
from control_plane.access.domain import Principal
from control_plane.access.policy import Permission
from control_plane.database.dependencies import DbSession
from control_plane.nodes.repository import all_nodes
from control_plane.system import repository
from control_plane.system.schemas import SystemStatus, Versions, node_status, reconciler_answer, served_model_status

DISTRIBUTION = "thousand-sails"

router = APIRouter(prefix="/api/v1/system", tags=["system"])

Reads = Annotated[Principal, needs(Permission.SYSTEM_READ)]


@router.get("/status")
def get_system_status(session: DbSession, _: Reads) -> SystemStatus:
    now, replicas = clock.now(), repository.replicas(session)
    return SystemStatus(
        versions=Versions(
            appliance=version(DISTRIBUTION),
            schema_revision=repository.schema_revision(session),
            postgresql=repository.postgres_version(session),
        ),
        reconcilers=[reconciler_answer(row) for row in repository.reconcilers(session)],
        served_models=[
            served_model_status(row, [replica for replica in replicas if replica.served_model_id == row.id])
            for row in repository.served_models(session)
        ],
        nodes=[node_status(node, now=now) for node in all_nodes(session)],
    )
