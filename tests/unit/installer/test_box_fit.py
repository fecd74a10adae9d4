"""What a box could run: discovery, fit and placement together, on the machine's own kind and on replayed nodes."""

from dataclasses import replace
from pathlib import Path

import pytest

from appliance.hardware.discovery import discover
from installer.box_fit import BoxVerdict, verdicts
from tests.fixtures.replayed_nodes import build


def on(name: str, root: Path) -> dict[str, BoxVerdict]:
    build(name, root)
    return {verdict.model: verdict for verdict in verdicts(discover(root))}


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
    found = {one.model: one for one in verdicts(replace(seen, memory=little))}
    assert not found["deepseek-r1"].fits
    assert "GiB missing on each of 8 cards" in found["deepseek-r1"].why_not


@pytest.mark.parametrize("name", ["ascend", "metax"])
def test_the_bundled_model_fits_everywhere(tmp_path: Path, name: str) -> None:
    assert on(name, tmp_path)["sails-guide"].fits
