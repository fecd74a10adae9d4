"""A registry as a source of an artifact, and as the place to push one to. Loads oras, so it is imported late."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from appliance.base.errors import BadRequest, NotFound
from appliance.weights.modelpack.artifact import sha256
from appliance.weights.modelpack.documents import MANIFEST_LIMIT, SMALL_LIMIT, parse
from appliance.weights.modelpack.exporting import Export, Package
from appliance.weights.modelpack.media_types import signature_tag
from appliance.weights.modelpack.paths import Layer
from appliance.weights.modelpack.registry_client import Place, RegistryClient
from appliance.weights.modelpack.signing import SIGNATURE_LIMIT, Signature
from appliance.weights.modelpack.sources import Letter, checked, signature_layer
from appliance.weights.modelpack.watch import UNWATCHED, Boundary, Watch
from appliance.weights.store import Meter, WeightStore


class RegistrySource:
    def __init__(self, place: Place) -> None:
        self.client = RegistryClient(place)
        self.name = place.reference

    def letter(self) -> Letter:
        tag = self.client.tag
        manifest = self.client.manifest(tag, limit=MANIFEST_LIMIT)
        if tag.startswith("sha256:"):
            checked(manifest, tag.removeprefix("sha256:"))
        return Letter(manifest, self.signature(sha256(manifest)))

    def signature(self, digest: str) -> Signature | None:
        try:
            manifest = self.client.manifest(signature_tag(digest), limit=SMALL_LIMIT)
        except NotFound:
            return None
        payload = signature_layer(manifest, of=digest)
        content = checked(self.client.document(payload.hex, limit=SIGNATURE_LIMIT), payload.hex)
        return parse(Signature, content, name="the signature")

    def carries(self, layer: Layer) -> bool:  # noqa: ARG002  a registry holds whole artifacts
        return True

    def start_of(self, layer: Layer, *, offset: int) -> int:  # noqa: ARG002  any byte will do, of any blob
        return offset

    def read(self, layer: Layer, *, offset: int) -> Iterator[bytes]:
        return self.client.blob(layer.digest, offset=offset)


def push(store: WeightStore, package: Package, *, place: Place, watch: Watch = UNWATCHED) -> Export:
    """Blobs that the registry has are not sent again; the manifest comes last, so a tag never names a part."""
    if package.left_out:
        raise BadRequest("A registry takes whole models.", hint="Leave the inventory away.", param="except")
    artifacts = ((package.signature, signature_tag(package.model.digest)), (package.model, tag_of(place)))
    documents = sum(len(content) for artifact, _ in artifacts for content in artifact.documents.values())
    meter = Meter(package.total_bytes + documents, watch.progress)
    client = RegistryClient(place, advance=meter.advance)
    for file in package.carried:
        meter.file = file.path
        if client.has(file.sha256):
            meter.advance(file.bytes)
            continue
        client.upload(store.blobs.path(file.sha256), digest=file.sha256, size=file.bytes)
        watch.reached(Boundary.BLOB_PLACED)
    for artifact, tag in artifacts:
        for digest, content in artifact.documents.items():
            put_document(client, content, digest=digest)
        client.put_manifest(artifact.manifest, tag=tag)
    return Export(place.reference, client.tag, package.model.digest, package.total_bytes, ())


def tag_of(place: Place) -> str:
    tag = RegistryClient(place).tag
    if tag.startswith("sha256:"):
        raise BadRequest("A model is pushed to a tag, not to a digest.", param="reference")
    return tag


def put_document(client: RegistryClient, content: bytes, *, digest: str) -> None:
    if client.has(digest):
        return
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        client.upload(Path(file.name), digest=digest, size=len(content))
