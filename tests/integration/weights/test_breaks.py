"""An import that is killed at every write boundary, or finds the disk full at every stage, ends right later."""

import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Generator
from pathlib import Path

import pytest

from appliance.weights.arrivals import arrival_key, arrival_of
from appliance.weights.boundaries import VARIABLE, Boundary
from appliance.weights.progress import Progress
from appliance.weights.store import WeightStore

SIGKILLED = -9
DISK_FULL = 3


def run_child(
    store: WeightStore, source: Path, *, kill_at: Boundary | None = None, largest_file: int = 0
) -> subprocess.CompletedProcess[str]:
    environ = {key: value for key, value in os.environ.items() if key != VARIABLE}
    if kill_at is not None:
        environ[VARIABLE] = kill_at
    return subprocess.run(
        [sys.executable, "-m", "tests.fixtures.import_child", str(store.root), str(source), str(largest_file)],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def whole_or_nothing(store: WeightStore, digest: str) -> None:
    assert store.versions() in ((), (digest,))
    for version in store.versions():
        assert store.verify(version) == []


@pytest.fixture(params=["folder", "archive"])
def source(request: pytest.FixtureRequest, model_folder: Path, tmp_path: Path) -> Path:
    if request.param == "folder":
        return model_folder
    with tarfile.open(tmp_path / "model.tar", "w") as archive:
        archive.add(model_folder, arcname="model")
    return tmp_path / "model.tar"


@pytest.fixture
def digest(model_folder: Path, tmp_path: Path) -> str:
    return WeightStore(tmp_path / "reference").publish(model_folder).digest


@pytest.mark.parametrize("boundary", list(Boundary))
def test_a_kill_at_a_boundary_loses_nothing(boundary: Boundary, source: Path, store: WeightStore, digest: str) -> None:
    assert run_child(store, source, kill_at=boundary).returncode == SIGKILLED
    whole_or_nothing(store, digest)
    again = run_child(store, source)
    assert (again.returncode, again.stdout) == (0, digest)
    assert store.verify(digest) == []
    assert list(store.staging.iterdir()) == []


def test_the_second_attempt_reads_only_what_was_not_verified(model_folder: Path, store: WeightStore) -> None:
    assert run_child(store, model_folder, kill_at=Boundary.PART_NOTED).returncode == SIGKILLED
    part = max(store.staging.glob("*/*.part"), key=lambda path: path.stat().st_size)
    with arrival_of(str(model_folder), staging=store.staging, on_wait=lambda: None) as arrival:
        [beginnings] = arrival.journal.beginnings.values()
    assert part.stat().st_size >= max(beginnings) >= 256 * 1024
    seen: list[Progress] = []
    store.publish(model_folder, progress=seen.append)
    first_of_weights = next(each for each in seen if each.file == "model.safetensors")
    assert first_of_weights.done_bytes >= max(beginnings)


@pytest.mark.parametrize("limit", [1, 40, 200_000, 700_000, 1_048_000])
def test_a_disk_that_is_full_is_said_and_the_next_attempt_ends_right(
    limit: int, source: Path, store: WeightStore, digest: str
) -> None:
    """RLIMIT_FSIZE stands for the full disk: the write that crosses it fails (setrlimit(2), EFBIG)."""
    full = run_child(store, source, largest_file=limit)
    assert full.returncode == DISK_FULL, full.stderr
    assert "Insufficient" in full.stderr
    assert store.versions() == ()
    again = run_child(store, source)
    assert (again.returncode, again.stdout) == (0, digest)
    assert store.verify(digest) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Generator[Path]:
    """A file system of its own of 1 MiB; needs the right to mount."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = shutil.which("mount")
    if mount is None or os.geteuid() != 0:
        pytest.skip("mounting a tmpfs needs root")
    if subprocess.run([mount, "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], check=False).returncode:
        pytest.skip("this machine lets nobody mount a tmpfs")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_file_system_that_is_really_full(
    small_disk: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appliance.weights.blobs.RESERVE_BYTES", -(2**40))  # or the check of free space speaks first
    store = WeightStore(small_disk / "weights")
    full = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from appliance.weights import blobs; blobs.RESERVE_BYTES = -2**40\n"
            "from tests.fixtures.import_child import main; main()",
            *(str(store.root), str(model_folder), "0"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert full.returncode == DISK_FULL, full.stderr
    assert "is full" in full.stderr
    assert store.versions() == ()


def test_two_imports_of_one_model_at_once_make_one_version(model_folder: Path, store: WeightStore, digest: str) -> None:
    command = [sys.executable, "-m", "tests.fixtures.import_child", str(store.root), str(model_folder), "0"]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate(timeout=60)[0] for process in both] == [digest, digest]
    assert store.versions() == (digest,)
    assert list(store.staging.iterdir()) == []


def test_a_second_import_is_told_that_it_waits(model_folder: Path, store: WeightStore) -> None:
    class Told(Exception):
        """Instead of waiting for ever."""

    def stop_when_told(progress: Progress) -> None:
        if progress.note is not None:
            raise Told

    with arrival_of(str(model_folder), staging=store.staging, on_wait=lambda: None), pytest.raises(Told):
        store.publish(model_folder, progress=stop_when_told)
    assert not (store.staging / f"{arrival_key(str(model_folder))}.lock").exists()
