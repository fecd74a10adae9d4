"""`python -m appliance.weights.modelpack` as operators run it."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures.two_boxes import Box
from tests.fixtures.waiting import wait_until

MODULE = (sys.executable, "-m", "appliance.weights.modelpack", "--json", "--home")


def answer(box: Box, *words: str | Path) -> dict[str, object]:
    done = subprocess.run([*MODULE, box.root, *words], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_from_key_to_import(here: Box, version: str, tmp_path: Path) -> None:
    there = Box(tmp_path / "there")
    shown = answer(here, "keys", "show")
    (tmp_path / "here.pem").write_text(str(shown["public_key"]))
    assert answer(there, "keys", "trust", tmp_path / "here.pem")["trusted"] == shown["key_id"]
    made = answer(here, "export", version, "--output", tmp_path / "out", "--volume-size", "160KiB")
    assert made["volumes"] == 3
    found = answer(there, "inspect", tmp_path / "out")
    assert (found["signed_by"], found["is_here"]) == (shown["key_id"], False)
    assert answer(there, "import", tmp_path / "out")["digest"] == version
    assert answer(there, "inventory", tmp_path / "inventory")["digests"] == 6
    delta = answer(here, "export", version, "--output", tmp_path / "delta", "--except", tmp_path / "inventory")
    assert delta["bytes"] == 0


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["import", "/nowhere"], "bad_artifact"),
        (["export", "0" * 64, "--output", "/nowhere"], "not_found"),
        (["export", "0" * 64], "invalid_request"),
        (["export", "0" * 64, "--output", "x", "--volume-size", "many"], "invalid_request"),
        (["import", "x", "--registry", "y"], "invalid_request"),
    ],
)
def test_a_refusal_is_one_envelope(there: Box, words: list[str], code: str) -> None:
    done = subprocess.run([*MODULE, there.root, *words], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert json.loads(done.stderr)["error"]["code"] == code


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_import_goes_on(here: Box, there: Box, version: str, tmp_path: Path, by: signal.Signals) -> None:
    """The process is stopped in the middle by the store's lock, which it waits for before it publishes."""
    here.export(version, tmp_path / "layout")
    with there.store.exclusively():
        running = subprocess.Popen(
            [*MODULE, there.root, "import", tmp_path / "layout"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        wait_until(lambda: any(there.store.root.glob("arriving/*/tree/tokenizer.json")), seconds=30, what="the tree")
        running.send_signal(by)
        _, said = running.communicate(timeout=30)
    assert running.returncode == 130
    assert b"goes on from here" in said
    assert there.store.versions() == ()
    assert answer(there, "import", tmp_path / "layout")["digest"] == version
    assert there.leftovers() == []
