"""`/api/v1/versions` and `/api/v1/imports`."""

from pathlib import Path
from typing import Annotated, cast

from fastapi import APIRouter, Request

from appliance.base import clock
from appliance.base.errors import NotFound
from appliance.base.settings import Settings
from appliance.weights.urls import UrlGuard
from control_plane.access.dependencies import needs
from control_plane.access.domain import Principal
from control_plane.access.policy import Permission
from control_plane.catalogue import service as catalogue
from control_plane.catalogue.schemas import advice_answers
from control_plane.database.dependencies import DbSession
from control_plane.database.paging import After, Limit, ListAnswer, list_answer, page_query
from control_plane.jobs.schemas import job_answer
from control_plane.tenants.service import default_project
from control_plane.versions import repository, service
from control_plane.versions.domain import HubPlace
from control_plane.versions.schemas import ImportAnswer, ImportRequest, VersionAnswer, version_answer

router = APIRouter(prefix="/api/v1", tags=["versions"])

Reads = Annotated[Principal, needs(Permission.VERSIONS_READ)]
Writes = Annotated[Principal, needs(Permission.VERSIONS_WRITE)]


@router.get("/versions")
def list_versions(
    session: DbSession, principal: Reads, after: After = None, limit: Limit = 20, model: str | None = None
) -> ListAnswer[VersionAnswer]:
    """Newest first: the shared ones and those of one's projects."""
    query, shared = page_query("ver", after=after, limit=limit, newest_first=True), default_project(session).id
    page = repository.versions_page(session, query, model_name=model, reach=principal.reach, shared_project_id=shared)
    return list_answer([version_answer(version) for version in page.rows], has_more=page.has_more)


@router.get("/versions/{version_id}")
def get_version(session: DbSession, principal: Reads, version_id: str) -> VersionAnswer:
    version = service.find(session, version_id)
    if not principal.reach.covers(version.project_id) and version.project_id != default_project(session).id:
        raise NotFound(f"There is no version {version_id[:80]!r}.", param="version_id")
    return version_answer(version)


def brought_by(body: ImportRequest) -> service.Brought:
    hub = HubPlace.model_validate(body.hub.model_dump()) if body.hub else None
    path = Path(body.source_path) if body.source_path is not None else None
    modelpack = body.modelpack.place() if body.modelpack else None
    return service.Brought(name=body.name, path=path, hub=hub, modelpack=modelpack, leave_code_out=body.leave_code_out)


def check_address(body: ImportRequest, settings: Settings) -> None:
    guard = UrlGuard(settings.imports.hosts)
    if body.hub is not None and body.hub.endpoint is not None:
        guard.check(body.hub.endpoint)
    if body.modelpack is not None and body.modelpack.registry is not None:
        guard.check(body.modelpack.registry.place().url)


@router.post("/imports", status_code=202)
def create_import(request: Request, session: DbSession, admin: Writes, body: ImportRequest) -> ImportAnswer:
    """The version is `importing` until its job has read, checked and stored every file.

    A mirror's or a registry's address is checked here as far as that needs no network, and again by the import's
    process. An import of an artifact that failed goes on when it is started again with the same name and places.
    """
    check_address(body, cast(Settings, request.app.state.settings))
    if body.source_path is not None or body.hub is not None or body.modelpack is not None:
        version, job = service.import_brought(session, admin, brought_by(body), task=body.task)
    else:
        entry = catalogue.find_entry(session, body.name)
        version, job = service.import_from_catalogue(session, admin, entry, variant_name=body.variant)
    known = catalogue.entry_if_known(session, body.name)
    warnings = advice_answers(known, today=clock.now().date()) if known else []
    return ImportAnswer(version=version_answer(version), job=job_answer(job), warnings=warnings)
