"""The manifest of the bundled weights: which files, how large, with which digests, made by which recipe."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from model_catalog.bundled import SAILS_GUIDE

MANIFEST = "manifest.json"
MOST_PARAMETERS = 10_000_000
MOST_BYTES = 25 * 1024 * 1024


class FileRecord(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    size_bytes: int
    sha256: str


class Manifest(BaseModel):
    """`recipe_sha256` is the digest of recipe.yaml as it was when the weights were made."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    recipe_sha256: str
    parameters: int
    files: dict[str, FileRecord]


def load_manifest(folder: Path = SAILS_GUIDE) -> Manifest:
    return Manifest.model_validate_json((folder / MANIFEST).read_text())
