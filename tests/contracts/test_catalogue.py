"""The catalogue is valid, sorted, and checked by editors with the schema that the code has."""

import json
from pathlib import Path

from model_catalog.catalogue import PACKAGE_FOLDER, load_catalogue
from model_catalog.json_schema import SCHEMA_FILE, render


def test_every_entry_is_valid_and_in_order() -> None:
    assert list(load_catalogue()) == sorted(load_catalogue())


def test_the_editors_schema_is_the_codes() -> None:
    assert SCHEMA_FILE.read_text(encoding="utf-8") == render(), "run: python -m model_catalog.json_schema"


def test_bundled_entries_say_what_their_files_say() -> None:
    for entry in load_catalogue().values():
        source = entry.default_variant.source
        if source.kind == "bundled":
            folder = PACKAGE_FOLDER / source.path
            config = json.loads(Path(folder / "config.json").read_text())
            assert entry.context is not None
            assert entry.architecture is not None
            assert entry.default_variant.weight_bytes is not None
            assert entry.context.value == config["max_position_embeddings"]
            assert entry.architecture.name in config["architectures"]
            assert entry.architecture.vocab_size is not None
            assert entry.architecture.vocab_size.value == config["vocab_size"]
            assert entry.default_variant.weight_bytes.value == (folder / "model.safetensors").stat().st_size
