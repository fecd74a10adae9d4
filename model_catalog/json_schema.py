"""`python -m model_catalog.json_schema` writes `entries/schema.json`, by which editors check catalogue files."""

import json
from pathlib import Path

from model_catalog.catalogue import ENTRIES_FOLDER, FAMILY_FILE

SCHEMA_FILE = ENTRIES_FOLDER / "schema.json"


def render() -> str:
    """The JSON schema of a catalogue file, as text that ends with a newline."""
    document = {"$schema": "https://json-schema.org/draft/2020-12/schema", **FAMILY_FILE.json_schema()}
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def write(path: Path = SCHEMA_FILE) -> None:
    path.write_text(render(), encoding="utf-8")


if __name__ == "__main__":
    write()
