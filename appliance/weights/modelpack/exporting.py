"""A version of the weight store becomes an OCI layout: raw layers, so every digest is the store's own."""

import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from appliance.base.errors import Insufficient
from appliance.weights.blobs import gib
from appliance.weights.manifest import Manifest, StoredFile, read_manifest
from appliance.weights.modelpack.artifact import Artifact, Caption, model_artifact, signature_artifact
from appliance.weights.modelpack.layout import LayoutWriter
from appliance.weights.modelpack.media_types import signature_tag
from appliance.weights.modelpack.signing import Keyring
from appliance.weights.modelpack.watch import UNWATCHED, Boundary, Watch
from appliance.weights.store import Meter, WeightStore

TAG_LENGTH = 12
NO_CAPTION = Caption()


@dataclass(frozen=True)
class Export:
    """What was made. `left_out` are digests that the other box has; `bytes` is what the rest weighs."""

    path: str
    tag: str
    manifest_digest: str
    bytes: int
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class Package:
    """A version on its way out: what is signed, and the blobs to carry, each digest once."""

    version: Manifest
    model: Artifact
    signature: Artifact
    carried: tuple[StoredFile, ...]
    left_out: tuple[str, ...]

    @property
    def total_bytes(self) -> int:
        return sum(file.bytes for file in self.carried)

    @property
    def documents(self) -> tuple[bytes, ...]:
        return (*self.model.documents.values(), self.model.manifest)


def pack(
    store: WeightStore, version: str, *, keyring: Keyring, caption: Caption = NO_CAPTION, known: Collection[str] = ()
) -> Package:
    """`known` are the digests that the other box has. Raises NotFound, SetupError for a damaged manifest."""
    manifest = read_manifest(store.path_of(version))
    model = model_artifact(manifest, caption=caption)
    blobs = tuple({file.sha256: file for file in manifest.files}.values())
    return Package(
        version=manifest,
        model=model,
        signature=signature_artifact(model.manifest, keyring.sign(model.manifest)),
        carried=tuple(blob for blob in blobs if blob.sha256 not in known),
        left_out=tuple(sorted(blob.sha256 for blob in blobs if blob.sha256 in known)),
    )


def export_layout(
    store: WeightStore, package: Package, *, target: Path, tag: str = "", copy: bool = False, watch: Watch = UNWATCHED
) -> Export:
    """Write `package` into the layout `target`, beside what is there. Run again after a break, it goes on.

    `copy` writes the bytes anew, for a folder that others may edit: a hard link is the store's own file.
    """
    tag = tag or package.version.digest[:TAG_LENGTH]
    writer = LayoutWriter(target)
    with writer.opened():
        wanting = [file for file in package.carried if not writer.has(file.sha256, size_bytes=file.bytes)]
        if copy or target.stat().st_dev != store.root.stat().st_dev:
            require_room(target, need_bytes=sum(file.bytes for file in wanting))
        place_blobs(store, package, writer=writer, copy=copy, watch=watch)
        for document in package.documents:
            writer.place_document(document)
        watch.reached(Boundary.DOCUMENTS_PLACED)
        for document in (*package.signature.documents.values(), package.signature.manifest):
            writer.place_document(document)
        watch.reached(Boundary.SIGNATURE_PLACED)
        writer.name(signature_tag(package.model.digest), package.signature.manifest)
        writer.name(tag, package.model.manifest)
        watch.reached(Boundary.INDEX_WRITTEN)
    return Export(str(target), tag, package.model.digest, package.total_bytes, package.left_out)


def place_blobs(store: WeightStore, package: Package, *, writer: LayoutWriter, copy: bool, watch: Watch) -> None:
    meter = Meter(package.total_bytes, watch.progress)
    for file in package.carried:
        meter.file = file.path
        if writer.has(file.sha256, size_bytes=file.bytes):
            meter.advance(file.bytes)
            continue
        writer.place_blob(store.blobs.path(file.sha256), file.sha256, advance=meter.advance, copy=copy)
        watch.reached(Boundary.BLOB_PLACED)


def require_room(folder: Path, *, need_bytes: int) -> None:
    """A carrier may be filled to the brim, so without the reserve that the store's own disk keeps."""
    free = shutil.disk_usage(folder).free
    if free < need_bytes:
        raise Insufficient(
            f"The export needs {gib(need_bytes)}; {folder} has {gib(free)} free.",
            hint="Give an emptier disk, or a smaller volume size.",
            need_bytes=need_bytes,
            free_bytes=free,
        )
