"""The names of ModelPack and OCI.

ModelPack: github.com/modelpack/model-spec, specs-go/v1/mediatype.go and annotations.go. OCI: github.com/opencontainers/
image-spec, manifest.md, image-layout.md, annotations.md.
"""

from pathlib import PurePosixPath

from appliance.weights.safety import WEIGHT_SUFFIXES

MODEL_ARTIFACT = "application/vnd.cncf.model.manifest.v1+json"
MODEL_CONFIG = "application/vnd.cncf.model.config.v1+json"
WEIGHT_RAW = "application/vnd.cncf.model.weight.v1.raw"
WEIGHT_CONFIG_RAW = "application/vnd.cncf.model.weight.config.v1.raw"
DOC_RAW = "application/vnd.cncf.model.doc.v1.raw"
MODEL_LAYERS = "application/vnd.cncf.model."
RAW = ".raw"

IMAGE_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
IMAGE_INDEX = "application/vnd.oci.image.index.v1+json"
EMPTY = "application/vnd.oci.empty.v1+json"
EMPTY_CONTENT = b"{}"

SIGNATURE_ARTIFACT = "application/vnd.thousand-sails.signature.v1+json"

FILE_PATH = "org.cncf.model.filepath"
TITLE = "org.opencontainers.image.title"
REF_NAME = "org.opencontainers.image.ref.name"

SIGNATURE_TAG_ENDING = ".ts-signature"


def media_type_of(path: str) -> str:
    """Weights, documents for people, and everything that an engine reads beside the weights."""
    file = PurePosixPath(path)
    if file.suffix.lower() in WEIGHT_SUFFIXES:
        return WEIGHT_RAW
    if file.suffix.lower() in (".md", "") or file.stem in ("LICENSE", "LICENCE", "NOTICE"):
        return DOC_RAW
    return WEIGHT_CONFIG_RAW


def signature_tag(manifest_digest: str) -> str:
    """Where the signature of a manifest stands, in a layout and in a registry alike.

    OCI's rule for registries without a list of referrers (distribution-spec, "Referrers Tag Schema") with an ending of
    our own, so that it meets neither that index nor cosign's `.sig`.
    """
    return f"sha256-{manifest_digest}{SIGNATURE_TAG_ENDING}"
