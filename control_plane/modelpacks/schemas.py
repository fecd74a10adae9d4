"""Places of artifacts, what a look at one found, and signing keys, on the wire."""

from pathlib import PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from appliance.weights.modelpack.media_types import SIGNATURE_TAG_ENDING
from appliance.weights.modelpack.signing import SIGNATURE_LIMIT
from control_plane.modelpacks.domain import ModelPackPlace, RegistryPlace

REFERENCE = (
    r"^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?(?::[0-9]{1,5})?"
    r"/[a-z0-9]+(?:[._/-]+[a-z0-9]+)*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?$"
)
"""Host, repository, tag and digest as the OCI distribution specification (1.1, "Pull") has them."""

TAG = r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$"
MOST_PLACES = 1000


def absolute(path: str) -> str:
    parts = PurePosixPath(path).parts
    if not path.startswith("/") or ".." in parts or "\0" in path:
        raise ValueError("the path must be absolute, without `..`")
    return path


def not_a_signature(tag: str) -> str:
    if tag.endswith(SIGNATURE_TAG_ENDING):
        raise ValueError("this is the tag of a signature")
    return tag


AbsolutePath = Annotated[str, Field(max_length=4096), AfterValidator(absolute)]
Tag = Annotated[str, Field(pattern=TAG), AfterValidator(not_a_signature)]


class RegistryRequest(BaseModel):
    """`host[:port]/repository[:tag|@digest]`. `user`'s password is a file of the box, one per registry."""

    model_config = ConfigDict(extra="forbid")

    reference: str = Field(pattern=REFERENCE, max_length=500)
    plain_http: bool = False
    ca_file: AbsolutePath | None = None
    user: str = Field(default="", max_length=200, pattern=r"^[^\x00-\x1f:]*$")

    @model_validator(mode="after")
    def names_its_host(self) -> Self:
        """Without a dot or a port the first part would be taken for a part of the repository's name."""
        if not set(self.reference.partition("/")[0]) & set(".:"):
            raise ValueError("the reference must begin with the registry's host, such as registry.example:5000")
        return self

    def place(self) -> RegistryPlace:
        return RegistryPlace.model_validate(self.model_dump())


class ModelPackRequest(BaseModel):
    """`places` on the box (an OCI layout, a tar of one, or volumes), or a `registry`; `tag` says which model of a
    layout. `unsigned` takes it without a trusted signature.
    """

    model_config = ConfigDict(extra="forbid")

    places: list[AbsolutePath] = Field(default_factory=list[str], max_length=MOST_PLACES)
    registry: RegistryRequest | None = None
    tag: Tag | None = None
    unsigned: bool = False

    @model_validator(mode="after")
    def has_one_source(self) -> Self:
        if bool(self.places) == (self.registry is not None):
            raise ValueError("say either `places` or `registry`")
        if self.registry is not None and self.tag is not None:
            raise ValueError("`tag` is for a layout; a registry's stands in its `reference`")
        return self

    def place(self) -> ModelPackPlace:
        return ModelPackPlace.model_validate({**self.model_dump(), "tag": self.tag or ""})


class FileAnswer(BaseModel):
    path: str
    digest: str
    bytes: int


class VolumesAnswer(BaseModel):
    """By the labels on the volumes: `present` and `missing` are numbers of a set `of` so many."""

    of: int
    present: list[int]
    missing: list[int]


class ModelPackAnswer(BaseModel):
    """What an artifact is said to hold. `version`: the digest that it will have in the weight store.

    `signed_by`: the id of the key that signed it, None without a signature; `is_trusted`: an import takes it so.
    `missing_bytes` is what this box lacks; `not_carried` names files of that which the export left out.
    """

    object: Literal["modelpack"] = "modelpack"
    version: str
    manifest_digest: str
    signed_by: str | None
    is_trusted: bool
    total_bytes: int
    missing_bytes: int
    is_here: bool
    not_carried: list[str]
    volumes: VolumesAnswer | None
    left_out: list[str]
    files: list[FileAnswer]


class TrustKeyRequest(BaseModel):
    """A public Ed25519 key in PEM form. `key_id`: what the admin was told by another way; checked where it is said."""

    model_config = ConfigDict(extra="forbid")

    public_key: str = Field(min_length=1, max_length=SIGNATURE_LIMIT)
    key_id: str | None = Field(None, min_length=64, max_length=64)


class SigningKeyAnswer(BaseModel):
    """`id` is the SHA-256 of the raw public key, which two people compare. `own`: this box signs with it."""

    object: Literal["signing_key"] = "signing_key"
    id: str
    own: bool
    public_key: str
