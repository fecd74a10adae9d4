"""The kinds of job that this worker runs: the one place that knows them all."""

from control_plane.exports.service import EXPORT_MODEL_KIND
from control_plane.jobs.domain import JobKind
from control_plane.versions.service import IMPORT_MODEL_KIND

JOB_KINDS: dict[str, JobKind] = {kind.name: kind for kind in (IMPORT_MODEL_KIND, EXPORT_MODEL_KIND)}
