"""The export's own process: reads a spec, writes the artifact, reports. It opens no database.

A cancel is the end of this process: what it had placed stays at the target, and the same export goes on behind it.
"""

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from appliance.base.errors import BadRequest
from appliance.base.paths import Home
from appliance.base.settings import Settings, load_settings
from appliance.weights.modelpack.exporting import Caption, Export
from appliance.weights.modelpack.operations import ExportRequest, RegistryAddress, export_model
from appliance.weights.modelpack.signing import keyring_of
from appliance.weights.modelpack.volume_writer import Shape, VolumeSet
from appliance.weights.modelpack.watch import Watch
from appliance.weights.progress import Progress
from control_plane.exports.domain import ExportResult, ExportSpec, VolumeResult, refuse_inside
from control_plane.jobs.process_entry import Report, run_job_process
from control_plane.modelpacks.registries import reached

FOR_OTHERS_TO_READ = 0o022
"""The umask: who carries the folder away may be another user of the other box. Keys set their own modes."""


def run_export(document: dict[str, Any], report: Report) -> dict[str, Any]:
    spec = ExportSpec.model_validate(document)
    settings = load_settings()

    def advance(progress: Progress) -> None:
        report.progress(**asdict(progress))

    if spec.target is not None:
        check_target(spec.target, settings.paths)
    with reached(spec.registry, settings) as address:
        made = export_model(export_request(spec, settings, address=address), watch=Watch(progress=advance))
    return result_of(made, signed_by=keyring_of(settings.paths).own_id() or "").model_dump(mode="json")


def check_target(target: Path, home: Home) -> None:
    """Where a disk is not mounted, its folder is missing more often than not; that is said, and nothing made up."""
    refuse_inside(home.root.resolve(), target.resolve())
    if not target.parent.is_dir():
        raise BadRequest(
            f"{target.parent} is not there.",
            hint="Is the disk mounted? Only the last folder of the target is made.",
            param="target",
            code="no_target",
        )


def export_request(spec: ExportSpec, settings: Settings, *, address: RegistryAddress | None) -> ExportRequest:
    return ExportRequest(
        home=settings.paths.root,
        version=spec.digest,
        target=spec.target,
        registry=address,
        tag=spec.tag,
        caption=Caption(**spec.caption.model_dump()),
        inventory=spec.inventory,
        shape=Shape(spec.volume_bytes, only=spec.volume) if spec.volume_bytes is not None else None,
        copy=spec.copies,
    )


def result_of(made: Export | VolumeSet, *, signed_by: str) -> ExportResult:
    if isinstance(made, Export):
        return ExportResult(
            path=made.path,
            tag=made.tag,
            manifest_digest=made.manifest_digest,
            signed_by=signed_by,
            bytes=made.bytes,
            left_out=len(made.left_out),
        )
    written = tuple(VolumeResult(**asdict(volume)) for volume in made.written)
    return ExportResult(
        path=str(Path(written[0].path).parent),
        tag=None,
        manifest_digest=made.manifest_digest,
        signed_by=signed_by,
        bytes=made.bytes,
        left_out=len(made.left_out),
        set=made.set,
        volumes=made.volumes,
        written=written,
    )


if __name__ == "__main__":
    os.umask(FOR_OTHERS_TO_READ)
    run_job_process(run_export)
