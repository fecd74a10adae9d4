from pathlib import Path

import pytest
import yaml

from appliance.base.errors import NotFound, SetupError
from model_catalog.catalogue import ENTRIES_FOLDER, find_entry, load_catalogue, load_family
from model_catalog.schema import CatalogueEntry, WeightFile


def raw_entry(**changes: object) -> dict[str, object]:
    document = yaml.safe_load((ENTRIES_FOLDER / "sentence_transformers.yaml").read_text())[0]
    return {**document, "family": "some", **changes}


def write(folder: Path, *entries: dict[str, object]) -> Path:
    path = folder / "some.yaml"
    path.write_text(yaml.safe_dump(list(entries)))
    return path


def test_the_two_entries_of_a_new_box_are_there() -> None:
    assert {"sails-guide", "all-minilm-l6-v2"} <= set(load_catalogue())
    assert find_entry("all-minilm-l6-v2").task == "embedding"


def test_an_unknown_name_is_not_found() -> None:
    with pytest.raises(NotFound):
        find_entry("nobody")


def test_entries_out_of_order_are_named(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="`a` stands after `b`"):
        load_family(write(tmp_path, raw_entry(name="b"), raw_entry(name="a")))


def test_a_name_twice_is_refused(tmp_path: Path) -> None:
    write(tmp_path, raw_entry(name="a"), raw_entry(name="a"))
    with pytest.raises(SetupError, match="`a` is in the catalogue twice"):
        load_catalogue(tmp_path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tusk": "chat"}, "tusk"),
        ({"task": "cooking"}, "task"),
        ({"name": "Has Spaces"}, "name"),
        ({"context": 256}, "context"),
        ({"context": {"value": 8, "evidence": "listing", "source": "x"}}, "exceeds the context"),
        ({"family": "other"}, "family `other`"),
        ({"successor": "nobody"}, "successor `nobody`"),
        ({"successor": "all-minilm-l6-v2"}, "itself"),
        ({"capabilities": ["clairvoyance"]}, "capabilities"),
        ({"capabilities": ["code", "code"]}, "twice"),
        ({"architecture": None}, "just one of config, architecture and no_shape"),
        ({"no_shape": "nobody looked"}, "just one of config, architecture and no_shape"),
        ({"context": None}, "has a context"),
        ({"parameters": {"value": "many", "evidence": "listing", "source": "x"}}, "parameters.value"),
        ({"parameters": {"value": 1, "evidence": "hearsay", "source": "x"}}, "parameters.evidence"),
        ({"parameters": {"value": 1, "evidence": "listing", "source": ""}}, "parameters.source"),
        ({"parameters": {"value": 1, "evidence": "listing"}}, "parameters.source"),
        ({"parameters": {"value": 1, "evidence": "listing", "source": "x", "unit": "B"}}, "parameters.unit"),
        ({"sampling": {"temperature": 0.5}}, "need `evidence` and `source`"),
        ({"sampling": {"temperature": 3, "evidence": "listing", "source": "x"}}, "sampling.temperature"),
        ({"chat": {"evidence": "listing", "source": "x"}}, "has no chat format"),
        ({"introduced": "August 2021"}, "introduced"),
        ({"introduced": "2021-13"}, "introduced"),
        ({"retired": "2020-01"}, "before it was introduced"),
        ({"licence": {"id": "MIT", "commercial": True, "gated": False, "url": "somewhere"}}, "licence.url"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, change: dict[str, object], words: str) -> None:
    write(tmp_path, raw_entry(**change))
    with pytest.raises(SetupError, match=words):
        load_catalogue(tmp_path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"chat": {"tool_call_parser": "qwen4", "evidence": "listing", "source": "x"}}, "tool_call_parser"),
        ({"chat": {"tool_call_parser": "hermes", "evidence": "listing", "source": "x"}}, "capability `tools`"),
        ({"chat": {"reasoning_parser": "qwen3", "evidence": "listing", "source": "x"}}, "capability `reasoning`"),
        ({"dimensions": {"value": 8, "evidence": "listing", "source": "x"}}, "only an embedding"),
    ],
)
def test_what_a_chat_model_cannot_say_is_named(tmp_path: Path, change: dict[str, object], words: str) -> None:
    write(tmp_path, raw_entry(task="chat", **{"dimensions": None, **change}))
    with pytest.raises(SetupError, match=words):
        load_catalogue(tmp_path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"quantization": "int3"}, "quantization"),
        ({"accelerators": ["abacus"]}, "accelerators"),
        ({"source": {"kind": "hub"}}, "no hub has it"),
        ({"source": {"kind": "hub", "huggingface": "https://somewhere/x"}}, "huggingface"),
        ({"weight_bytes": {"value": "90 MB", "evidence": "listing", "source": "x"}}, "weight_bytes"),
    ],
)
def test_what_is_wrong_in_a_form_is_named(tmp_path: Path, change: dict[str, object], words: str) -> None:
    form = {"name": "f32", "format": "safetensors", "source": {"kind": "hub", "modelscope": "a/b"}}
    write(tmp_path, raw_entry(variants=[{**form, **change}]))
    with pytest.raises(SetupError, match=words):
        load_catalogue(tmp_path)


def test_a_field_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, raw_entry())
    path.write_text(path.read_text().replace("  task: embedding", "  task: embedding\n  task: chat"))
    with pytest.raises(SetupError, match="`task` is there twice"):
        load_catalogue(tmp_path)


def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    write(tmp_path, raw_entry(name="a"))
    first = load_catalogue(tmp_path)
    first.clear()
    assert set(load_catalogue(tmp_path)) == {"a"}
    write(tmp_path, raw_entry(name="a-longer-name"))
    assert set(load_catalogue(tmp_path)) == {"a-longer-name"}


@pytest.mark.parametrize("path", ["/etc/passwd", "../up", "a/../../b"])
def test_a_file_path_stays_inside(path: str) -> None:
    with pytest.raises(ValueError, match="leaves its folder"):
        WeightFile.model_validate({"path": path})


def test_an_entry_survives_the_database() -> None:
    for entry in load_catalogue().values():
        assert CatalogueEntry.model_validate(entry.model_dump(mode="json")) == entry
