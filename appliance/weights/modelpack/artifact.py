"""From a version of the weight store to the bytes of its ModelPack artifact, and of the signature beside it. Pure.

The same version makes the same bytes on every box and at any time, so nothing is dated.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from appliance.weights.manifest import Manifest, StoredFile
from appliance.weights.modelpack.media_types import (
    EMPTY,
    EMPTY_CONTENT,
    FILE_PATH,
    IMAGE_MANIFEST,
    MODEL_ARTIFACT,
    MODEL_CONFIG,
    SIGNATURE_ARTIFACT,
    TITLE,
    media_type_of,
)
from appliance.weights.modelpack.signing import Signature


@dataclass(frozen=True)
class Caption:
    """What the artifact says of itself to people; empty fields are left out. Licences are SPDX expressions."""

    name: str = ""
    family: str = ""
    vendor: str = ""
    licenses: tuple[str, ...] = ()


@dataclass(frozen=True)
class Artifact:
    """The manifest's exact bytes and the small blobs that it names, by digest. The weights are not in here."""

    manifest: bytes
    documents: dict[str, bytes]

    @property
    def digest(self) -> str:
        return sha256(self.manifest)


def model_artifact(manifest: Manifest, *, caption: Caption) -> Artifact:
    """github.com/modelpack/model-spec: docs/spec.md for the manifest, schema/config-schema.json for the config."""
    config = model_config(manifest, caption=caption)
    document = {
        "schemaVersion": 2,
        "mediaType": IMAGE_MANIFEST,
        "artifactType": MODEL_ARTIFACT,
        "config": descriptor(MODEL_CONFIG, config),
        "layers": [layer(file) for file in manifest.files],
    }
    return Artifact(canonical(document), {sha256(config): config})


def model_config(manifest: Manifest, *, caption: Caption) -> bytes:
    described = {
        "name": caption.name, "family": caption.family, "vendor": caption.vendor, "licenses": list(caption.licenses),
    }  # fmt: skip
    is_gguf = any(file.path.endswith(".gguf") for file in manifest.files)
    return canonical(
        {
            "descriptor": {key: value for key, value in described.items() if value},
            "config": {"format": "gguf" if is_gguf else "safetensors"},
            "modelfs": {"type": "layers", "diffIds": [f"sha256:{file.sha256}" for file in manifest.files]},
        }
    )


def layer(file: StoredFile) -> dict[str, Any]:
    """The title is for `oras pull`, which names files by it (image-spec, annotations.md)."""
    return {
        "mediaType": media_type_of(file.path),
        "digest": f"sha256:{file.sha256}",
        "size": file.bytes,
        "annotations": {FILE_PATH: file.path, TITLE: file.path},
    }


def signature_artifact(subject: bytes, signature: Signature) -> Artifact:
    """An artifact that refers to the signed manifest by `subject` (image-spec 1.1, manifest.md)."""
    payload = canonical(signature.model_dump(mode="json"))
    document = {
        "schemaVersion": 2,
        "mediaType": IMAGE_MANIFEST,
        "artifactType": SIGNATURE_ARTIFACT,
        "config": descriptor(EMPTY, EMPTY_CONTENT),
        "layers": [descriptor(SIGNATURE_ARTIFACT, payload)],
        "subject": descriptor(IMAGE_MANIFEST, subject),
    }
    documents = {sha256(EMPTY_CONTENT): EMPTY_CONTENT, sha256(payload): payload}
    return Artifact(canonical(document), documents)


def descriptor(media_type: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": f"sha256:{sha256(content)}", "size": len(content)}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def canonical(document: dict[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
