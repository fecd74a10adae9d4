"""Where an artifact comes from: what all sources give, and the OCI layout as one."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from appliance.base.errors import BadRequest
from appliance.weights.modelpack.artifact import sha256
from appliance.weights.modelpack.documents import (
    MANIFEST_LIMIT,
    SMALL_LIMIT,
    Descriptor,
    ImageIndex,
    SignatureManifest,
    is_model,
    parse,
    refused,
)
from appliance.weights.modelpack.layout import INDEX, LAYOUT_MARK
from appliance.weights.modelpack.layout_files import FolderFiles, LayoutFiles, TarFiles, read_small
from appliance.weights.modelpack.media_types import REF_NAME, SIGNATURE_TAG_ENDING, signature_tag
from appliance.weights.modelpack.paths import Layer
from appliance.weights.modelpack.signing import SIGNATURE_LIMIT, Signature

VOLUME_MISSING = "volume_missing"
VOLUME_DAMAGED = "volume_damaged"


@dataclass(frozen=True)
class Letter:
    """The manifest's bytes, whose digest was checked, and who says so. Not yet parsed."""

    manifest: bytes
    signature: Signature | None

    @property
    def digest(self) -> str:
        return sha256(self.manifest)


class Source(Protocol):
    name: str

    def letter(self) -> Letter:
        """Raises BadRequest."""
        ...

    def carries(self, layer: Layer) -> bool:
        """False only where it is known that the export left this one out."""
        ...

    def start_of(self, layer: Layer, *, offset: int) -> int:
        """From where reading may go on after `offset` bytes are there already."""
        ...

    def read(self, layer: Layer, *, offset: int) -> Iterator[bytes]:
        """Raises BadRequest; Absent where a volume is wanting or damaged."""
        ...


class Absent(BadRequest):
    """A part that this run cannot have; the others go on. `good_bytes` of the blob were verified. `others` are the
    parts behind it that are not here either.
    """

    others: tuple["Absent", ...] = ()

    def __init__(self, message: str, *, good_bytes: int, code: str, volume: int) -> None:
        super().__init__(message, param="source", code=code)
        self.good_bytes = good_bytes
        self.volume = volume


class LayoutSource:
    """`tag` may be empty where the layout holds one model."""

    def __init__(self, files: LayoutFiles, *, tag: str = "") -> None:
        self.files = files
        self.tag = tag
        self.name = files.name

    def letter(self) -> Letter:
        index = parse(ImageIndex, read_small(self.files, INDEX, limit=MANIFEST_LIMIT), name=INDEX)
        chosen = self.choose([entry for entry in index.manifests if is_model(entry)])
        manifest = self.document(chosen, limit=MANIFEST_LIMIT)
        wanted = signature_tag(chosen.hex)
        signatures = [entry for entry in index.manifests if entry.annotation(REF_NAME) == wanted]
        return Letter(manifest, self.signature(signatures[-1], of=chosen.hex) if signatures else None)

    def choose(self, entries: list[Descriptor]) -> Descriptor:
        models = [entry for entry in entries if not entry.annotation(REF_NAME).endswith(SIGNATURE_TAG_ENDING)]
        chosen = [entry for entry in models if not self.tag or entry.annotation(REF_NAME) == self.tag]
        if len(chosen) == 1:
            return chosen[0]
        tags = ", ".join(sorted(entry.annotation(REF_NAME)[:80] or "(no tag)" for entry in models[:20])) or "none"
        raise refused(f"{self.name} has {len(chosen)} fitting models; it holds {tags}.", hint="Say the tag of one.")

    def signature(self, entry: Descriptor, *, of: str) -> Signature:
        manifest = self.document(entry, limit=SMALL_LIMIT)
        payload = signature_layer(manifest, of=of)
        return parse(Signature, self.document(payload, limit=SIGNATURE_LIMIT), name="the signature")

    def document(self, entry: Descriptor, *, limit: int) -> bytes:
        content = read_small(self.files, blob_path(entry.hex), limit=limit, size=entry.size)
        return checked(content, entry.hex)

    def carries(self, layer: Layer) -> bool:
        return self.files.size(blob_path(layer.digest)) is not None

    def start_of(self, layer: Layer, *, offset: int) -> int:  # noqa: ARG002  any byte will do, of any blob
        return offset

    def read(self, layer: Layer, *, offset: int) -> Iterator[bytes]:
        return self.files.stream(blob_path(layer.digest), offset=offset)


def signature_layer(manifest: bytes, *, of: str) -> Descriptor:
    """The layer that holds the signature; raises BadRequest where it is the signature of another manifest."""
    found = parse(SignatureManifest, manifest, name="the signature", limit=SMALL_LIMIT)
    if found.subject.hex != of:
        raise refused("The signature belongs to another model.", code="signature_mismatch")
    return found.layers[0]


def checked(content: bytes, digest: str) -> bytes:
    if sha256(content) != digest:
        raise refused(f"The document {digest[:12]} is damaged.", hint="Copy it again.", code="digest_mismatch")
    return content


def blob_path(digest: str) -> str:
    return f"blobs/sha256/{digest}"


def open_layout(path: Path, *, tag: str = "") -> LayoutSource:
    """A folder, or a tar of one. Raises BadRequest where it is neither."""
    if path.is_dir():
        if not (path / LAYOUT_MARK).is_file():
            raise refused(f"{path} is no OCI layout: it has no {LAYOUT_MARK}.")
        return LayoutSource(FolderFiles(path), tag=tag)
    return LayoutSource(TarFiles(path), tag=tag)
