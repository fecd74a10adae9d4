"""The manifest of a version: what files it has, and by their digests the version's own name."""

import hashlib
import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from appliance.base.errors import NewerFormat, SetupError

MANIFEST_FILE = "MANIFEST.json"
MANIFEST_FORMAT = 1
MOST_BYTES = 64 * 1024**2
"""Of a manifest: a quarter of a million files."""


class StoredFile(BaseModel):
    """`path` is relative to the version's folder, with forward slashes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    sha256: str
    bytes: int


class Manifest(BaseModel):
    """Files sorted by path. Two imports of the same files make the same manifest, so they are the same version."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = MANIFEST_FORMAT
    files: tuple[StoredFile, ...]

    def canonical(self) -> bytes:
        document = self.model_dump(mode="json")
        return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.canonical()).hexdigest()

    @property
    def total_bytes(self) -> int:
        return sum(file.bytes for file in self.files)


def make_manifest(files: list[StoredFile]) -> Manifest:
    return Manifest(files=tuple(sorted(files, key=lambda file: file.path)))


def read_manifest(folder: Path) -> Manifest:
    """Raises SetupError when it is missing or damaged, NewerFormat when a newer version wrote it."""
    path = folder / MANIFEST_FILE
    repair = "Import the model again, or repair it from its source."
    try:
        if path.stat().st_size > MOST_BYTES:
            raise SetupError(f"{path} is damaged: it is larger than {MOST_BYTES // 1024**2} MiB.", hint=repair)
        raw = json.loads(path.read_bytes())
        if int(raw.get("format", 0)) > MANIFEST_FORMAT:
            raise NewerFormat(f"{path} has format {raw['format']}.", hint="Use the newer version that wrote it.")
        manifest = Manifest.model_validate(raw)
    except FileNotFoundError as error:
        raise SetupError(f"{path} is missing.", hint=repair) from error
    except (ValueError, AttributeError, TypeError, OverflowError, RecursionError) as error:
        raise SetupError(f"{path} is damaged: {error}", hint=repair) from error
    if manifest.digest != folder.name:
        raise SetupError(f"{path} is damaged: its digest is not the folder's name.", hint=repair)
    return manifest
