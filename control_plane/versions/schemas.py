"""Versions and imports on the wire."""

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from appliance.base.ids import public_id
from appliance.base.tasks import Task
from control_plane.catalogue.schemas import AdviceAnswer
from control_plane.jobs.schemas import JobAnswer
from control_plane.modelpacks.schemas import ModelPackRequest
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


class HubRequest(BaseModel):
    """`endpoint` is a mirror that speaks the hub's API; public and https unless an admin allowed its host."""

    model_config = ConfigDict(extra="forbid")

    hub: Literal["huggingface", "modelscope"] = "huggingface"
    repository: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=200)
    revision: str | None = Field(None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$", max_length=200)
    endpoint: str | None = Field(None, max_length=500)


class ImportRequest(BaseModel):
    """With `source_path` a folder or a tar archive on the box, with `hub` a repository, with `modelpack` an artifact
    that another box exported; with none of them, the weights of entry `name` that the box carries. `leave_code_out`
    takes a model without the program code that comes with it.
    """

    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=80)
    source_path: str | None = Field(None, max_length=4096)
    hub: HubRequest | None = None
    modelpack: ModelPackRequest | None = None
    variant: str | None = Field(None, max_length=80)
    task: Task | None = None
    leave_code_out: bool = False

    @model_validator(mode="after")
    def has_one_source(self) -> Self:
        if sum(source is not None for source in (self.source_path, self.hub, self.modelpack)) > 1:
            raise ValueError("`source_path`, `hub` and `modelpack` exclude each other")
        return self


class ImportAnswer(BaseModel):
    """`warnings` are those of the catalogue entry of this name, where there is one."""

    object: Literal["import"] = "import"
    version: VersionAnswer
    job: JobAnswer
    warnings: list[AdviceAnswer]


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
