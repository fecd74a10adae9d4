"""Start an export."""

from uuid import UUID

from sqlalchemy.orm import Session

from appliance.base.errors import BadRequest
from appliance.base.ids import public_id
from appliance.base.settings import Settings
from appliance.weights.urls import UrlGuard
from control_plane.access.domain import Principal
from control_plane.audit.service import record
from control_plane.exports.domain import EXPORT_MODEL, CaptionSpec, ExportSpec, refuse_inside
from control_plane.exports.schemas import ExportRequest
from control_plane.jobs import service as jobs
from control_plane.jobs.domain import JobKind
from control_plane.jobs.tables import Job
from control_plane.versions import service as versions
from control_plane.versions.tables import ModelVersion, VersionState


def start_export(session: Session, principal: Principal, wanted: ExportRequest, *, settings: Settings) -> Job:
    """A registry's address is checked here as far as that needs no network, and again by the export's process."""
    version = versions.find(session, wanted.version_id)
    spec = spec_of(version, wanted, digest=digest_of(version))
    if spec.registry is not None:
        UrlGuard(settings.imports.hosts).check(spec.registry.url)
    if spec.target is not None:
        refuse_inside(settings.paths.root, spec.target)
    job = jobs.submit(session, kind=EXPORT_MODEL, spec=spec.model_dump(mode="json"), project_id=version.project_id)
    place = spec.registry.reference if spec.registry else str(spec.target)
    record(session, principal, "version.export", spec.version_id, after={"model": spec.model_name, "to": place})
    session.flush()
    session.refresh(job)
    return job


def digest_of(version: ModelVersion) -> str:
    if version.state is not VersionState.READY or version.digest is None:
        raise BadRequest(
            f"The version of {version.model_name} is {version.state.value}, so it cannot be exported.",
            hint="Wait until its import is done, or repair it.",
            param="version_id",
            code="version_not_ready",
        )
    return version.digest


def spec_of(version: ModelVersion, wanted: ExportRequest, *, digest: str) -> ExportSpec:
    caption = CaptionSpec.model_validate(wanted.caption.model_dump())
    return ExportSpec(
        version_id=public_id("ver", version.id),
        model_name=version.model_name,
        digest=digest,
        registry=wanted.registry.place() if wanted.registry else None,
        tag=wanted.tag or "",
        caption=caption if caption.name else caption.model_copy(update={"name": version.model_name}),
        **wanted.model_dump(include={"target", "inventory", "volume_bytes", "volume", "copies"}),
    )


def keep_nothing(_session: Session, _job_id: UUID, _result: object) -> None:
    """The job's row is all that there is to an export."""


EXPORT_MODEL_KIND = JobKind(EXPORT_MODEL, module="control_plane.exports.run_export", complete=keep_nothing)
