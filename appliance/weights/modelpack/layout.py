"""Writing an OCI image layout (image-spec, image-layout.md): blobs first, `index.json` last, each whole or absent."""

import errno
import fcntl
import json
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from appliance.base.errors import SetupError
from appliance.base.files import fsync_folder, write_atomically
from appliance.base.ids import new_uuid
from appliance.weights.copying import Advance, copy_and_hash
from appliance.weights.modelpack.artifact import descriptor, sha256
from appliance.weights.modelpack.documents import MANIFEST_LIMIT, ImageIndex, parse
from appliance.weights.modelpack.media_types import IMAGE_INDEX, IMAGE_MANIFEST, REF_NAME

LAYOUT_MARK = "oci-layout"
INDEX = "index.json"
NO_LINKS = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS)
MODE = 0o644


class LayoutWriter:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.blobs = root / "blobs" / "sha256"

    @contextmanager
    def opened(self) -> Generator[None]:
        """One export at a time into one folder, as each rewrites the index. The kernel frees the lock."""
        self.blobs.mkdir(parents=True, exist_ok=True)
        descriptor_number = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor_number, fcntl.LOCK_EX)
            for stray in self.blobs.glob("*.partial"):
                stray.unlink()
            if not (self.root / LAYOUT_MARK).exists():
                write_atomically(self.root / LAYOUT_MARK, b'{"imageLayoutVersion":"1.0.0"}', mode=MODE)
            yield
        finally:
            os.close(descriptor_number)

    def has(self, digest: str, *, size_bytes: int) -> bool:
        path = self.blobs / digest
        return path.is_file() and path.stat().st_size == size_bytes

    def place_document(self, content: bytes) -> None:
        write_atomically(self.blobs / sha256(content), content, mode=MODE)

    def place_blob(self, source: Path, digest: str, *, advance: Advance, copy: bool) -> None:
        """A hard link where the file system has them, which reads nothing; else a copy, hashed as it is written.

        Raises SetupError where the store's own blob turns out to be damaged.
        """
        partial = self.blobs / f"{new_uuid().hex}.partial"
        if not copy and linked(source, partial):
            advance(source.stat().st_size)
        elif copy_and_hash(source, partial, advance=advance) != digest:
            partial.unlink()
            raise SetupError(
                f"The weight store's file {digest[:12]} is damaged.", hint="Verify the version and repair it."
            )
        partial.replace(self.blobs / digest)
        fsync_folder(self.blobs)

    def name(self, tag: str, manifest: bytes) -> None:
        """Point `tag` at `manifest` in the index, keeping what else is there."""
        entries = [entry for entry in self.entries() if name_of(entry) != tag]
        entries.append({**descriptor(IMAGE_MANIFEST, manifest), "annotations": {REF_NAME: tag}})
        document = {"schemaVersion": 2, "mediaType": IMAGE_INDEX, "manifests": entries}
        write_atomically(self.root / INDEX, json.dumps(document, indent=2).encode(), mode=MODE)

    def entries(self) -> list[dict[str, Any]]:
        path = self.root / INDEX
        if not path.exists():
            return []
        with path.open("rb") as stream:
            content = stream.read(MANIFEST_LIMIT + 1)
        parse(ImageIndex, content, name=str(path))
        return cast("list[dict[str, Any]]", json.loads(content)["manifests"])


def name_of(entry: dict[str, Any]) -> str:
    annotations = cast("dict[str, str]", entry.get("annotations") or {})
    return annotations.get(REF_NAME, "")


def linked(source: Path, target: Path) -> bool:
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno in NO_LINKS:
            return False
        raise
    return True
