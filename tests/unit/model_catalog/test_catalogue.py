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
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, change: dict[str, object], words: str) -> None:
    write(tmp_path, raw_entry(**change))
    with pytest.raises(SetupError, match=words):
        load_catalogue(tmp_path)


@pytest.mark.parametrize("path", ["/etc/passwd", "../up", "a/../../b"])
def test_a_file_path_stays_inside(path: str) -> None:
    with pytest.raises(ValueError, match="leaves its folder"):
        WeightFile.model_validate({"path": path})


def test_an_entry_survives_the_database() -> None:
    for entry in load_catalogue().values():
        assert CatalogueEntry.model_validate(entry.model_dump(mode="json")) == entry
