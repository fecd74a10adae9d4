"""Start an import, and write down what became of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from appliance.base.errors import BadRequest, NotFound
from appliance.base.ids import parse_public_id, public_id
from appliance.base.tasks import Task
from control_plane.access.domain import Principal
from control_plane.audit.service import record
from control_plane.catalogue import service as catalogue
from control_plane.database.session import nudge
from control_plane.jobs import service as jobs
from control_plane.jobs.domain import JobKind
from control_plane.jobs.tables import Job
from control_plane.modelpacks.domain import ModelPackPlace
from control_plane.tenants.service import default_project
from control_plane.versions import repository
from control_plane.versions.domain import (
    IMPORT_MODEL,
    EngineFacts,
    HubPlace,
    ImportResult,
    ImportSpec,
    engine_facts,
    expected_files,
    find_variant,
)
from control_plane.versions.tables import ModelVersion, VersionState
from model_catalog.schema import CatalogueEntry, Variant


def import_from_catalogue(
    session: Session, principal: Principal, entry: CatalogueEntry, *, variant_name: str | None = None
) -> tuple[ModelVersion, Job]:
    """Import the files that the box itself carries (bundled, or in a package)."""
    variant = find_variant(entry, variant_name)
    if variant.source.kind == "hub":
        raise BadRequest(
            f"The weights of {entry.name} are not on the box.",
            hint="Bring its folder to the box and import it with `source_path`.",
            param="source_path",
            code="weights_not_local",
        )
    version = add_version(session, model_name=entry.name, variant=variant, task=entry.task.value, entry=entry)
    spec = ImportSpec(
        version_id=public_id("ver", version.id),
        model_name=entry.name,
        catalogue_model=entry.name,
        variant=variant.name,
        expected=expected_files(variant),
    )
    return version, start_import(session, principal, version, spec)


@dataclass(frozen=True)
class Brought:
    """What a person names: `path` is a folder or an archive on the box, `hub` a repository, `modelpack` an artifact of
    another box; just one of them.
    """

    name: str
    path: Path | None = None
    hub: HubPlace | None = None
    modelpack: ModelPackPlace | None = None
    leave_code_out: bool = False


def import_brought(
    session: Session, principal: Principal, brought: Brought, *, task: Task | None
) -> tuple[ModelVersion, Job]:
    """Import what a person brought or named. A name of the catalogue brings its engine settings along."""
    if brought.path is not None and not brought.path.is_absolute():
        raise BadRequest("`source_path` must be absolute.", param="source_path")
    row = catalogue.repository.by_name(session, brought.name)
    entry = catalogue.entry_of(row) if row else None
    task_name = task or (entry.task.value if entry else "chat")
    version = failed_before(session, brought, task=task_name) or add_version(
        session, model_name=brought.name, variant=None, task=task_name, entry=entry
    )
    return version, start_import(session, principal, version, spec_of(brought, public_id("ver", version.id)))


def spec_of(brought: Brought, version_id: str) -> ImportSpec:
    return ImportSpec(
        version_id=version_id,
        model_name=brought.name,
        source_path=str(brought.path) if brought.path else None,
        hub=brought.hub,
        modelpack=brought.modelpack,
        leave_code_out=brought.leave_code_out,
    )


def failed_before(session: Session, brought: Brought, *, task: str) -> ModelVersion | None:
    """The version of the same import that failed last: for want of a volume, as a rule, which is there now."""
    if brought.modelpack is None:
        return None
    mark_failed_imports(session)
    version = repository.newest_locked(session, brought.name)
    if version is None or version.state is not VersionState.FAILED:
        return None
    is_same = version.task == task and version.source == source_of(spec_of(brought, ""))
    return version if is_same else None


def add_version(
    session: Session, *, model_name: str, variant: Variant | None, task: str, entry: CatalogueEntry | None
) -> ModelVersion:
    facts = engine_facts(entry, variant).model_dump(mode="json")
    if entry is None:
        facts.pop("max_model_len")  # the import finds it in config.json
    version = ModelVersion(
        project_id=default_project(session).id,
        model_name=model_name,
        variant=variant.name if variant else None,
        task=task,
        source={},
        engine=facts,
    )
    session.add(version)
    session.flush()
    return version


def start_import(session: Session, principal: Principal, version: ModelVersion, spec: ImportSpec) -> Job:
    document = spec.model_dump(mode="json")
    job = jobs.submit(session, kind=IMPORT_MODEL, spec=document, project_id=version.project_id)
    version.job_id = job.id
    version.source = source_of(spec)
    version.state = VersionState.IMPORTING
    version.state_reason = None
    trusts_anybody = spec.modelpack is not None and spec.modelpack.unsigned
    after = {"model": spec.model_name, **({"unsigned": True} if trusts_anybody else {})}
    record(session, principal, "version.import", spec.version_id, after=after)
    session.flush()
    return job


def source_of(spec: ImportSpec) -> dict[str, Any]:
    hub = spec.hub.model_dump(mode="json") if spec.hub else None
    modelpack = spec.modelpack.model_dump(mode="json") if spec.modelpack else None
    places = {"hub": hub, "modelpack": modelpack}
    return {
        "path": spec.source_path,
        "catalogue_model": spec.catalogue_model,
        **{name: place for name, place in places.items() if place},
    }


def import_again(session: Session, principal: Principal, version: ModelVersion) -> Job | None:
    """A failed import is tried anew, with the same spec; None where there is nothing to try."""
    job = jobs.repository.job_by_id(session, version.job_id) if version.job_id else None
    if job is None or version.state is not VersionState.FAILED:
        return None
    return start_import(session, principal, version, ImportSpec.model_validate(job.spec))


def complete_import(session: Session, job_id: UUID, result: dict[str, Any]) -> None:
    """The import's rows, in the transaction that ends the job."""
    job = jobs.repository.job_by_id(session, job_id)
    spec = ImportSpec.model_validate(job.spec if job else {})
    outcome = ImportResult.model_validate(result)
    version = find(session, spec.version_id)
    version.state = VersionState.READY
    version.state_reason = None
    version.digest = outcome.digest
    version.total_bytes = outcome.total_bytes
    version.path = outcome.path
    if "max_model_len" not in version.engine and outcome.max_model_len is not None:
        version.engine = {**version.engine, "max_model_len": outcome.max_model_len}
    if outcome.sealed is not None:
        version.engine = {**version.engine, "sealed": outcome.sealed}
    nudge(session, "serve")


IMPORT_MODEL_KIND = JobKind(IMPORT_MODEL, module="control_plane.versions.run_import", complete=complete_import)


def mark_failed_imports(session: Session) -> int:
    """Versions whose import ended badly say so; how many there were."""
    ended = repository.importing_with_ended_job(session)
    for version, job in ended:
        version.state = VersionState.FAILED
        version.state_reason = str((job.error or {}).get("message") or f"the import was {job.state.value}")
    return len(ended)


def find(session: Session, public: str) -> ModelVersion:
    key = parse_public_id("ver", public)
    version = repository.version_by_id(session, key) if key else None
    if version is None:
        raise NotFound(f"There is no version {public[:80]!r}.", param="version_id")
    return version


def facts_of(version: ModelVersion) -> EngineFacts:
    return EngineFacts.model_validate(version.engine)
