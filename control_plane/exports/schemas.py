"""Exports on the wire."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from control_plane.jobs.schemas import JobAnswer
from control_plane.modelpacks.schemas import AbsolutePath, RegistryRequest, Tag

LARGEST_VOLUME = 2**50
Words = Annotated[str, Field(max_length=200)]


class CaptionRequest(BaseModel):
    """What the artifact says of itself to people; licences are SPDX expressions. Another caption makes another
    artifact.
    """

    model_config = ConfigDict(extra="forbid")

    name: Words = ""
    family: Words = ""
    vendor: Words = ""
    licenses: list[Words] = Field(default_factory=list[str], max_length=20)


class ExportRequest(BaseModel):
    """To `target`, a folder on the box whose parent is there, or to a `registry`.

    `inventory` is the other box's file, on this one: what is in it is not carried. `volume_bytes` writes volumes for
    disks of that size, `volume` only that one of them. `copy` writes bytes where hard links would do.
    """

    model_config = ConfigDict(extra="forbid")

    version_id: str = Field(max_length=80)
    target: AbsolutePath | None = None
    registry: RegistryRequest | None = None
    tag: Tag | None = None
    inventory: AbsolutePath | None = None
    volume_bytes: int | None = Field(None, ge=1, le=LARGEST_VOLUME)
    volume: int | None = Field(None, ge=1)
    copies: bool = Field(False, alias="copy")
    caption: CaptionRequest = CaptionRequest()

    @model_validator(mode="after")
    def fits_together(self) -> Self:
        if (self.target is None) == (self.registry is None):
            raise ValueError("say either `target` or `registry`")
        if self.registry is not None and (self.tag or self.inventory or self.volume_bytes or self.copies):
            raise ValueError("a registry takes whole models, and its tag stands in `reference`")
        if self.volume is not None and self.volume_bytes is None:
            raise ValueError("`volume` needs `volume_bytes`, the same for all volumes")
        if self.volume_bytes is not None and self.tag is not None:
            raise ValueError("volumes hold one model, and have no tag")
        return self


class ExportAnswer(BaseModel):
    """The job's `result` says in the end what was written: digests, volumes, bytes and who signed."""

    object: Literal["export"] = "export"
    job: JobAnswer
