"""Entries from outside of the release: errors name the file, the entry and the field, and no figure is a trap."""

import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.base.errors import ApplianceError, BadRequest
from model_catalog.admission import (
    MOST_FILE_BYTES,
    MOST_PARTS,
    MOST_VALUE,
    entries_of,
    read_entries,
    require_admissible,
)
from model_catalog.fit.known_models import model_of_entry
from model_catalog.schema import Architecture, CatalogueEntry, Figure
from tests.fixtures.catalogue_entries import entry, figure, raw_entry

MOST_MEMORY = 4 * MOST_FILE_BYTES
"""For a file of 200 bytes."""


def write(folder: Path, *entries: dict[str, Any]) -> Path:
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump(list(entries)))
    return path


def test_entries_are_read_in_any_order_and_under_any_name(tmp_path: Path) -> None:
    found = read_entries(write(tmp_path, raw_entry("b"), raw_entry("a")))
    assert [each.name for each in found] == ["b", "a"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tusk": "chat"}, "mine.yaml: `a`: tusk: "),
        ({"engine": {"pack": 7}}, "mine.yaml: `a`: engine.pack: Input should be a valid string"),
        ({"name": "Has Spaces"}, "mine.yaml: `Has Spaces`: name: "),
        ({"name": None}, "mine.yaml: entry 1: name: "),
        ({"context": figure(float("inf"))}, "mine.yaml: `a`: context.value: Input should be a finite number"),
        ({"context": figure(1e300)}, "mine.yaml: `a`: context: must be from 0 to"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    with pytest.raises(BadRequest) as refusal:
        read_entries(write(tmp_path, raw_entry("a", **change)))
    assert words in refusal.value.message


def changed(**figures: float) -> CatalogueEntry:
    document = raw_entry("a")
    return entry("a", architecture=document["architecture"] | {name: figure(value) for name, value in figures.items()})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("num_hidden_layers", 10**9),
        ("num_hidden_layers", 2.5),
        ("num_hidden_layers", 0),
        ("num_attention_heads", 0),
        ("vocab_size", 0),
    ],
)
def test_a_figure_that_no_model_has_is_refused(name: str, value: float) -> None:
    with pytest.raises(BadRequest, match=f"`a`: architecture.{name}: must be"):
        require_admissible(changed(**{name: value}))


@pytest.mark.parametrize(
    "values",
    [
        {"model_type": "llama", "num_hidden_layers": 10**9},
        {"model_type": "llama", "text_config": {"num_hidden_layers": 10**9}},
        {"model_type": "llama", "hidden_size": 1e300},
    ],
)
def test_a_config_that_no_model_has_is_refused(values: dict[str, Any]) -> None:
    document = raw_entry("a")
    document.pop("architecture")
    given = {"values": values, "evidence": "unverified", "source": "made up"}
    with pytest.raises(BadRequest, match=r"`a`: config\..*: must be up to"):
        require_admissible(CatalogueEntry.model_validate({**document, "config": given}))


def test_weights_of_the_release_are_not_for_others() -> None:
    variant = raw_entry("a")["variants"][0] | {"source": {"kind": "bundled", "path": "../../secrets"}}
    with pytest.raises(BadRequest, match=r"variants.source: `bundled` and `package`"):
        require_admissible(entry("a", variants=[variant]))


@pytest.mark.parametrize("flag", ["--trust-remote-code", "--trust_remote_code", "--trust-remote"])
def test_code_that_comes_with_weights_is_not_asked_for(flag: str) -> None:
    with pytest.raises(BadRequest, match=r"engine.args"):
        require_admissible(entry("a", engine={**raw_entry("a")["engine"], "args": [flag]}))


def test_an_entry_of_endless_parts_is_refused_before_it_is_looked_at() -> None:
    variant: dict[str, Any] = raw_entry("a")["variants"][0] | {"files": [{}] * MOST_PARTS}
    with pytest.raises(BadRequest, match="`a`: it has more than 20,000 parts"):
        entries_of([raw_entry("a", variants=[variant])])


def test_a_name_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="`a` is there twice"):
        read_entries(write(tmp_path, raw_entry("a"), raw_entry("a")))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "must be a list"),
        (b"name: a", "must be a list"),
        (b"\xff\xfe\x00", "mine.yaml: "),
        (b"- {", "mine.yaml: "),
        (b"[" * 100 + b"]" * 100, "nested deeper"),
        (b"- &a [x, x]\n- *a\n- &b [*b]", "in itself"),
        (b"- " + b"x" * MOST_FILE_BYTES, "larger than 1024 KiB"),
        (b"- name: 2026-99-99", "mine.yaml: "),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(content)
    with pytest.raises(BadRequest, match=words):
        read_entries(path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match=r"nowhere.yaml"):
        read_entries(tmp_path / "nowhere.yaml")


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200) | st.text("-:{}[]&*!|>'\"# \n\tab01", max_size=200).map(str.encode))
def test_any_file_is_refused_or_read(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "any.yaml"
    path.write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(ApplianceError):
            read_entries(path)
        assert tracemalloc.get_traced_memory()[1] < MOST_MEMORY
    finally:
        tracemalloc.stop()


FIGURES = [name for name, field in Architecture.model_fields.items() if field.annotation == Figure | None]
VALUES = st.one_of(st.integers(), st.floats(), st.sampled_from([0, 1, 64, 4096, MOST_VALUE]))


@settings(max_examples=300, deadline=None)
@given(figures=st.dictionaries(st.sampled_from(FIGURES), VALUES, max_size=6))
def test_of_what_is_admitted_fit_makes_a_model_or_says_what_is_missing(figures: dict[str, float]) -> None:
    try:
        admitted = changed(**figures)
        require_admissible(admitted)
        model = model_of_entry(admitted)
    except (BadRequest, ValueError):
        return
    assert len(model.shape.layers) <= 4096
    assert model.weights().size_bytes > 0
