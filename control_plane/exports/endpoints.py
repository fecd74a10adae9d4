"""`/api/v1/exports`."""

from typing import Annotated, cast

from fastapi import APIRouter, Request

from appliance.base.settings import Settings
from control_plane.access.dependencies import needs
from control_plane.access.domain import Principal
from control_plane.access.policy import Permission
from control_plane.database.dependencies import DbSession
from control_plane.exports import service
from control_plane.exports.schemas import ExportAnswer, ExportRequest
from control_plane.jobs.schemas import job_answer

router = APIRouter(prefix="/api/v1", tags=["exports"])

Writes = Annotated[Principal, needs(Permission.VERSIONS_WRITE)]


@router.post("/exports", status_code=202)
def create_export(request: Request, session: DbSession, admin: Writes, body: ExportRequest) -> ExportAnswer:
    """Write a version that is ready as a signed ModelPack artifact. Started again after a break, it goes on."""
    settings = cast(Settings, request.app.state.settings)
    return ExportAnswer(job=job_answer(service.start_export(session, admin, body, settings=settings)))
