"""`kill -9` at every named moment of an export and an import: nothing half is visible, the next run ends the same."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.base.errors import BadRequest
from appliance.weights.modelpack.exporting import export_layout
from appliance.weights.modelpack.watch import Boundary, Watch
from tests.fixtures.killed_child import run_and_be_killed
from tests.fixtures.two_boxes import Box, tree_of

EXPORT = [each for each in Boundary if each.startswith("export.")]
VOLUMES = [each for each in Boundary if each.startswith("volumes.")]
IMPORT = [each for each in Boundary if each.startswith("import.")]
Reached = Callable[[str], None]


def watch(reached: Reached) -> Watch:
    return Watch(reached=lambda boundary: reached(boundary.value))


def export_all(box: Box, target: Path, *, watch: Watch, copy: bool) -> None:
    for version in box.store.versions():
        export_layout(box.store, box.pack(version), target=target, copy=copy, watch=watch)


@pytest.mark.parametrize("copy", [False, True])
@pytest.mark.parametrize("boundary", EXPORT)
def test_a_killed_export_goes_on(here: Box, there: Box, tmp_path: Path, boundary: Boundary, copy: bool) -> None:
    assert run_and_be_killed(
        lambda reached: export_all(here, tmp_path / "killed", watch=watch(reached), copy=copy), at=boundary
    )
    if not (tmp_path / "killed" / "index.json").exists():
        with pytest.raises(BadRequest):
            there.take(tmp_path / "killed")
    export_all(here, tmp_path / "killed", watch=Watch(), copy=copy)
    export_all(here, tmp_path / "whole", watch=Watch(), copy=copy)
    assert tree_of(tmp_path / "killed") == tree_of(tmp_path / "whole")


@pytest.mark.parametrize("time", [1, 2])
@pytest.mark.parametrize("boundary", VOLUMES)
def test_killed_volumes_go_on(
    here: Box, there: Box, version: str, tmp_path: Path, boundary: Boundary, time: int
) -> None:
    for journal in here.store.root.glob("leaving.jsonl"):
        journal.unlink()
    assert run_and_be_killed(
        lambda reached: here.export_volumes(version, tmp_path / "killed", watch=watch(reached)), at=boundary, time=time
    )
    here.export_volumes(version, tmp_path / "killed")
    here.export_volumes(version, tmp_path / "whole")
    assert tree_of(tmp_path / "killed") == tree_of(tmp_path / "whole")
    assert there.take_volumes(tmp_path / "killed").digest == version


@pytest.mark.parametrize("by_volumes", [False, True])
@pytest.mark.parametrize("boundary", IMPORT)
def test_a_killed_import_goes_on(
    here: Box, there: Box, version: str, tmp_path: Path, boundary: Boundary, by_volumes: bool
) -> None:
    target = tmp_path / "target"
    here.export_volumes(version, target) if by_volumes else here.export(version, target)
    take = there.take_volumes if by_volumes else there.take
    moments = 0
    for time in (1, 3):
        moments += run_and_be_killed(lambda reached: take(target, watch=watch(reached)), at=boundary, time=time)
        for visible in there.store.versions():
            assert there.store.verify(visible) == []
    assert moments >= 1
    assert take(target).digest == version
    assert there.store.versions() == (version,)
    assert there.store.verify(version) == []
    assert there.leftovers() == []
    assert tree_of(there.store.path_of(version)) == tree_of(here.store.path_of(version))


def test_blobs_that_arrived_before_the_kill_are_not_read_again(
    here: Box, there: Box, version: str, tmp_path: Path
) -> None:
    here.export(version, tmp_path / "layout", copy=True)
    killed = run_and_be_killed(
        lambda reached: there.take(tmp_path / "layout", watch=watch(reached)), at=Boundary.BLOB_ARRIVED, time=5
    )
    assert killed
    for arrived in there.store.root.glob("arriving/*/*"):
        (tmp_path / "layout" / "blobs" / "sha256" / arrived.name).write_bytes(b"gone")
    assert there.take(tmp_path / "layout").digest == version


def test_two_imports_of_one_model_at_once(here: Box, there: Box, version: str, tmp_path: Path) -> None:
    """The second starts inside the first, in a process of its own, and waits for it."""
    here.export(version, tmp_path / "layout")
    command = [sys.executable, "-m", "appliance.weights.modelpack", "--json", "--home", str(there.root), "import"]
    others: list[subprocess.Popen[str]] = []

    def start_another(boundary: Boundary) -> None:
        if boundary is Boundary.ARRIVAL_OPENED:
            others.append(subprocess.Popen([*command, str(tmp_path / "layout")], stdout=subprocess.PIPE, text=True))

    there.take(tmp_path / "layout", watch=Watch(reached=start_another))
    answer, _ = others[0].communicate(timeout=60)
    assert json.loads(answer)["digest"] == version
    assert there.store.versions() == (version,)
    assert there.leftovers() == []
