"""What is read from outside: OCI manifests and indexes. Bounded in bytes before they are parsed, in figures after.

Shapes: github.com/opencontainers/image-spec, manifest.md, image-index.md and descriptor.md. Unknown fields are passed
over, as OCI asks of readers; what we use is strict.
"""

from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from appliance.base.errors import BadRequest
from appliance.weights.modelpack.media_types import (
    FILE_PATH,
    IMAGE_MANIFEST,
    MODEL_ARTIFACT,
    MODEL_CONFIG,
    MODEL_LAYERS,
    RAW,
    TITLE,
)
from appliance.weights.modelpack.paths import Layer, check_layers

MANIFEST_LIMIT = 4 * 1024 * 1024
"""What registries take at least and mostly at most (distribution-spec, "Pushing Manifests")."""
SMALL_LIMIT = 64 * 1024
MOST_LAYERS = 10_000
MOST_ENTRIES = 1_000
LARGEST_BLOB_BYTES = 2**44

Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}\z", max_length=71)]
Size = Annotated[int, Field(ge=0, le=LARGEST_BLOB_BYTES)]
Annotations = dict[str, str]
Parsed = TypeVar("Parsed", bound="Document")


class Document(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", populate_by_name=True)


class Descriptor(Document):
    media_type: str = Field(alias="mediaType", max_length=255)
    digest: Digest
    size: Size
    annotations: Annotations | None = None

    @property
    def hex(self) -> str:
        return self.digest.removeprefix("sha256:")

    def annotation(self, key: str) -> str:
        return (self.annotations or {}).get(key, "")


class ImageIndex(Document):
    version: Literal[2] = Field(alias="schemaVersion")
    manifests: tuple[Descriptor, ...] = Field(max_length=MOST_ENTRIES)


class ModelManifest(Document):
    version: Literal[2] = Field(alias="schemaVersion")
    artifact_type: str = Field(default="", alias="artifactType")
    config: Descriptor
    layers: tuple[Descriptor, ...] = Field(min_length=1, max_length=MOST_LAYERS)
    annotations: Annotations | None = None


class SignatureManifest(Document):
    artifact_type: Literal["application/vnd.thousand-sails.signature.v1+json"] = Field(alias="artifactType")
    layers: tuple[Descriptor, ...] = Field(min_length=1, max_length=1)
    subject: Descriptor


def parse(kind: type[Parsed], content: bytes, *, name: str, limit: int = MANIFEST_LIMIT) -> Parsed:
    """Raises BadRequest that says what is wrong with `name`, never quoting more than a line of it."""
    if len(content) > limit:
        raise refused(f"{name} has {len(content)} bytes; at most {limit} are read.")
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(step) for step in first["loc"][:4])
        raise refused(f"{name} is not what it should be: {place[:80]}: {first['msg'][:200]}.") from error


def layers_of(content: bytes, *, name: str) -> tuple[Layer, ...]:
    """The files of a ModelPack manifest, checked: raw layers, safe and different paths."""
    manifest = parse(ModelManifest, content, name=name)
    if manifest.artifact_type != MODEL_ARTIFACT and manifest.config.media_type != MODEL_CONFIG:
        raise refused(f"{name} is no ModelPack artifact: its type is {manifest.artifact_type[:80]!r}.")
    return check_layers([layer_of(descriptor, name=name) for descriptor in manifest.layers])


def layer_of(descriptor: Descriptor, *, name: str) -> Layer:
    if not descriptor.media_type.startswith(MODEL_LAYERS) or not descriptor.media_type.endswith(RAW):
        raise refused(
            f"{name} has a layer of type {descriptor.media_type[:100]!r}; only raw layers are read.",
            hint="Pack the model again with raw layers (`modctl build --raw`).",
        )
    return Layer(
        path=descriptor.annotation(FILE_PATH) or descriptor.annotation(TITLE),
        digest=descriptor.hex,
        bytes=descriptor.size,
        media_type=descriptor.media_type,
    )


def is_model(descriptor: Descriptor) -> bool:
    return descriptor.media_type in (IMAGE_MANIFEST, MODEL_ARTIFACT)


def refused(message: str, *, hint: str | None = None, code: str = "bad_artifact") -> BadRequest:
    return BadRequest(message, hint=hint, param="source", code=code)
