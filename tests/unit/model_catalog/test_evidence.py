"""Every fact of a shipped entry says how it is known; in entries of others a value alone counts as unverified."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import ValidationError

from appliance.base import clock
from model_catalog.admission import read_entries
from model_catalog.catalogue import ENTRIES_FOLDER, load_catalogue
from model_catalog.evidence import counts_of
from model_catalog.schema import BARE, Evidence, HubSource
from model_catalog.updates.reading import key_id, signed_document, verified_update
from tests.fixtures.catalogue_entries import entry, raw_entry

TRACED = ("introduced", "retired", "successor", "huggingface", "modelscope", "licence")
FILES = sorted(ENTRIES_FOLDER.glob("*.yaml"))


def facts(part: object) -> Iterator[tuple[str, object]]:
    if isinstance(part, dict):
        for name, inner in cast("dict[str, object]", part).items():
            if name in TRACED and inner is not None:
                yield name, inner
            yield from facts(inner)
    elif isinstance(part, list):
        for inner in cast("list[object]", part):
            yield from facts(inner)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_shipped_file_has_a_bare_value(path: Path) -> None:
    found = list(facts(yaml.safe_load(path.read_text())))
    assert found
    bare = [(name, fact) for name, fact in found if not {"evidence", "source"} <= set(cast("dict[str, Any]", fact))]
    assert bare == []


def test_all_of_the_shipped_ones_are_counted() -> None:
    entries = load_catalogue().values()
    counts = counts_of(entries)
    assert counts["licences"].total() == len(entries)
    assert counts["dates"].total() == sum(each.introduced is not None for each in entries)
    assert counts["hub ids"][Evidence.LISTING] > 3 * counts["hub ids"][Evidence.UNVERIFIED]
    assert BARE not in json.dumps([each.model_dump(mode="json") for each in entries])


OLD_FORM = {"introduced": "2025-06", "retired": "2026-01-31", "successor": "sails-guide"}


def test_the_form_of_before_is_read_as_unverified() -> None:
    made = entry("a", **OLD_FORM)
    assert made.introduced is not None
    assert (made.introduced.value, made.introduced.evidence, made.introduced.source) == ("2025-06", "unverified", BARE)
    assert made.retired is not None
    assert made.retired.value == "2026-01-31"
    assert made.successor_name == "sails-guide"
    source = made.default_variant.source
    assert isinstance(source, HubSource)
    assert source.huggingface is not None
    assert (source.huggingface.value, source.huggingface.evidence) == ("made-up/a", "unverified")
    plain = {name: value for name, value in raw_entry("a")["licence"].items() if name not in ("evidence", "source")}
    licence = entry("a", licence=plain).licence
    assert (licence.evidence, licence.source) == ("unverified", BARE)


def test_dates_without_quotes_are_read_in_both_forms(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    retired = {"value": "DAY", "evidence": "listing", "source": "x"}
    text = yaml.safe_dump(raw_entry("a", introduced="DAY", retired=retired))
    path.write_text(yaml.safe_dump([yaml.safe_load(text.replace("DAY", "2026-01-31"))]))
    assert "introduced: 2026-01-31" in path.read_text()
    (made,) = read_entries(path)
    assert made.introduced is not None
    assert made.retired is not None
    assert (made.introduced.value, made.retired.value) == ("2026-01-31", "2026-01-31")


def test_an_update_that_was_signed_in_the_form_of_before_is_read() -> None:
    key = Ed25519PrivateKey.generate()
    document = {"sequence": 3, "issued": "2026-11-22T00:00:00Z", "entries": [raw_entry("a", **OLD_FORM)]}
    trusted = {key_id(key.public_key()): key.public_key()}
    signed = signed_document(json.dumps(document).encode(), key=key)
    (made,) = verified_update(signed, trusted=trusted, now=clock.now()).update.entries
    assert made == entry("a", **OLD_FORM)


@pytest.mark.parametrize(
    "value", [7, "", "June", "2026-13-99x", ["2026-01"], {"value": "2026-01"}, {"evidence": "listing"}]
)
def test_what_is_no_date_is_refused_with_its_place(value: object) -> None:
    with pytest.raises(ValidationError, match="introduced"):
        entry("a", introduced=value)
