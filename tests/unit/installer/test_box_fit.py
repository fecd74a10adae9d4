"""What a box could run: discovery, fit and placement together, on the machine's own kind and on replayed nodes."""

from dataclasses import replace
from pathlib import Path

import pytest

from appliance.hardware.discovery import discover
from installer.box_fit import BoxVerdict, verdicts
from model_catalog.catalogue import load_catalogue
from tests.fixtures.catalogue_entries import entry, raw_entry
from tests.fixtures.replayed_nodes import build

ENTRIES = tuple(load_catalogue().values())


def on(name: str, root: Path) -> dict[str, BoxVerdict]:
    build(name, root)
    return {verdict.model: verdict for verdict in verdicts(discover(root), ENTRIES)}


def test_a_p800_node_runs_large_models_on_allowed_groups_only(tmp_path: Path) -> None:
    found = on("kunlunxin", tmp_path)
    large = found["qwen3-235b-a22b"]
    assert large.fits
    assert large.pack == "vllm-kunlun"
    assert large.unverified
    assert large.where in {"cards 0, 1, 2, 3, 4, 5, 6, 7", "cards 0, 1, 2, 3", "cards 4, 5, 6, 7"}


def test_what_is_too_large_says_how_much_is_missing(tmp_path: Path) -> None:
    build("nvidia", tmp_path)
    seen = discover(tmp_path)
    little = replace(seen.memory, total_bytes=64 * 1024**3, limit_bytes=None)
    found = {one.model: one for one in verdicts(replace(seen, memory=little), ENTRIES)}
    assert not found["deepseek-r1"].fits
    assert "GiB missing on each of 8 cards" in found["deepseek-r1"].why_not


@pytest.mark.parametrize("name", ["ascend", "metax"])
def test_the_bundled_model_fits_everywhere(tmp_path: Path, name: str) -> None:
    assert on(name, tmp_path)["sails-guide"].fits


def test_an_admins_own_entry_is_judged_like_a_shipped_one(tmp_path: Path) -> None:
    build("nvidia", tmp_path)
    gguf = raw_entry("mine")["variants"][0] | {"name": "q8-0", "format": "gguf", "quantization": "q8_0"}
    mine = entry("mine", variants=[gguf], engine={"max_model_len": 2048})
    speech = entry("said", task="speech_to_text", capabilities=["audio"], sampling={})
    found = {one.model: one for one in verdicts(discover(tmp_path), [mine, speech])}
    assert (found["mine"].form, found["mine"].pack, found["mine"].where) == ("q8-0", "llamacpp-cpu", "the processor")
    assert "serves speech to text models" in found["said"].why_not
