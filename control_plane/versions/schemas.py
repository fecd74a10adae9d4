"""Versions and imports on the wire."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from appliance.base.ids import public_id
from control_plane.jobs.schemas import JobAnswer
from control_plane.versions.tables import ModelVersion, VersionState


class VersionAnswer(BaseModel):
    """`digest` is the manifest's SHA-256; the same files always give the same one."""

    object: Literal["model.version"] = "model.version"
    id: str
    model: str
    variant: str | None
    task: str
    state: VersionState
    state_reason: str | None
    digest: str | None
    total_bytes: int | None
    path: str | None
    engine: dict[str, Any]
    job_id: str | None
    created_at: int


class ImportRequest(BaseModel):
    """With `source_path` a folder on the box; without, the weights of entry `name` that the box carries."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=80)
    source_path: str | None = Field(None, max_length=4096)
    variant: str | None = Field(None, max_length=80)
    task: Literal["chat", "embedding"] | None = None


class ImportAnswer(BaseModel):
    object: Literal["import"] = "import"
    version: VersionAnswer
    job: JobAnswer


def version_answer(version: ModelVersion) -> VersionAnswer:
    return VersionAnswer(
        id=public_id("ver", version.id),
        model=version.model_name,
        variant=version.variant,
        task=version.task,
        state=version.state,
        state_reason=version.state_reason,
        digest=version.digest,
        total_bytes=version.total_bytes,
        path=version.path,
        engine=version.engine,
        job_id=public_id("job", version.job_id) if version.job_id else None,
        created_at=int(version.created_at.timestamp()),
    )
