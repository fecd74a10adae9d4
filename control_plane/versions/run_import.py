"""The import's own process: reads a spec, fills the weight store, reports. It opens no database."""

from pathlib import Path
from typing import Any

from appliance.base.settings import load_settings
from appliance.weights.store import Progress, WeightStore
from control_plane.jobs.process_entry import Report, run_job_process
from control_plane.versions.domain import ImportResult, ImportSpec, context_of, find_variant
from model_catalog.catalogue import find_entry
from model_catalog.sources import local_folder


def run_import(document: dict[str, Any], report: Report) -> dict[str, Any]:
    spec = ImportSpec.model_validate(document)
    store = WeightStore(load_settings().paths.weights)

    def advance(progress: Progress) -> None:
        report.progress(done_bytes=progress.done_bytes, total_bytes=progress.total_bytes, file=progress.file)

    publication = store.publish(source_folder(spec), expected=spec.expected, progress=advance)
    return ImportResult(
        digest=publication.digest,
        total_bytes=publication.total_bytes,
        path=str(publication.path),
        left_out=list(publication.left_out),
        max_model_len=context_of(publication.path),
    ).model_dump(mode="json")


def source_folder(spec: ImportSpec) -> Path:
    if spec.source_path is not None:
        return Path(spec.source_path)
    entry = find_entry(str(spec.catalogue_model))
    return local_folder(find_variant(entry, spec.variant).source)


if __name__ == "__main__":
    run_job_process(run_import)
