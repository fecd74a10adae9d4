"""The import's own process: reads a spec, fills the weight store, reports. It opens no database.

A cancel is the end of this process: what it had verified stays in the store's `staging` for the next attempt.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from appliance.base.errors import SetupError
from appliance.base.settings import ImportSettings, Settings, load_settings
from appliance.weights.hubs.port import HubName, Repository
from appliance.weights.hubs.source import HubSource, Patience
from appliance.weights.intake import Source
from appliance.weights.modelpack.operations import import_model
from appliance.weights.modelpack.watch import Watch
from appliance.weights.safety import Rules
from appliance.weights.sealed.artifact import digest_in
from appliance.weights.store import Progress, ProgressCallback, Publication, WeightStore
from appliance.weights.urls import UrlGuard
from control_plane.jobs.process_entry import Report, run_job_process
from control_plane.modelpacks.domain import ModelPackPlace
from control_plane.modelpacks.registries import import_request, reached
from control_plane.versions.domain import HubPlace, ImportResult, ImportSpec, context_of, find_variant
from model_catalog.catalogue import find_entry
from model_catalog.sources import local_folder


def run_import(document: dict[str, Any], report: Report) -> dict[str, Any]:
    spec = ImportSpec.model_validate(document)

    def advance(progress: Progress) -> None:
        report.progress(**asdict(progress))

    publication = publish(spec, load_settings(), progress=advance)
    return ImportResult(
        digest=publication.digest,
        total_bytes=publication.total_bytes,
        path=str(publication.path),
        left_out=list(publication.left_out),
        max_model_len=context_of(publication.path),
        sealed=digest_in(publication.path),
    ).model_dump(mode="json")


def publish(spec: ImportSpec, settings: Settings, *, progress: ProgressCallback) -> Publication:
    if spec.modelpack is not None:
        return take_artifact(spec.modelpack, settings, leave_code_out=spec.leave_code_out, progress=progress)
    return WeightStore(settings.paths.weights).publish(
        source_of(spec, settings.imports),
        expected=spec.expected,
        rules=Rules(leave_code_out=spec.leave_code_out),
        progress=progress,
    )


def take_artifact(
    place: ModelPackPlace, settings: Settings, *, leave_code_out: bool, progress: ProgressCallback
) -> Publication:
    with reached(place.registry, settings) as address:
        request = import_request(place, settings, address=address, leave_code_out=leave_code_out)
        return import_model(request, watch=Watch(progress=progress))


def source_of(spec: ImportSpec, settings: ImportSettings) -> Path | Source:
    if spec.source_path is not None:
        return Path(spec.source_path)
    if spec.hub is not None:
        return hub_source(spec.hub, settings)
    entry = find_entry(str(spec.catalogue_model))
    return local_folder(find_variant(entry, spec.variant).source)


def hub_source(place: HubPlace, settings: ImportSettings) -> HubSource:
    """A token goes to the hub itself, and to a mirror only where the admin allowed that host by name."""
    guard = UrlGuard(settings.hosts)
    trusted = place.endpoint is None or guard.is_allowed(place.endpoint)
    repository = Repository(
        HubName(place.hub),
        place.repository,
        revision=place.revision,
        endpoint=place.endpoint,
        token=token_for(place, settings) if trusted else None,
    )
    return HubSource(repository, guard, Patience(settings.attempts, settings.stall_seconds))


def token_for(place: HubPlace, settings: ImportSettings) -> str | None:
    path = settings.huggingface_token_file if place.hub == "huggingface" else settings.modelscope_token_file
    if path is None:
        return None
    try:
        return path.read_text().strip() or None
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"The token file {path} cannot be read.", hint="Look at its path and its owner.") from error


if __name__ == "__main__":
    run_job_process(run_import)
