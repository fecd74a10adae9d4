"""A sealed folder is whole or not there; sealing is bounded in memory and refuses what an engine could not load."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest

from appliance.base.errors import ApplianceError, BadRequest, Conflict, Insufficient
from appliance.weights import blobs
from appliance.weights.sealed.sealing import Terms, seal
from tests.unit.weights.sealed.sealed_model import DEK, VENDOR, seal_small

ROOT = Path(__file__).parents[4]
# Seals, and is killed by itself when `advance` was called for the given time.
KILLED = """
import os, signal, sys
from pathlib import Path
from tests.unit.weights.sealed.sealed_model import CHUNK_BYTES, DEK, VENDOR
from appliance.weights.sealed.sealing import Terms, seal
left = int(sys.argv[3])
def advance(_):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
seal(Path(sys.argv[1]), Path(sys.argv[2]), dek=DEK, terms=Terms("m", VENDOR, chunk_bytes=CHUNK_BYTES), advance=advance)
"""


@pytest.mark.parametrize("calls", [1, 6, 7, 12, 13, 14])
def test_a_killed_run_leaves_nothing_that_looks_whole_and_the_next_one_works(
    plain_folder: Path, tmp_path: Path, calls: int
) -> None:
    """Two shards of six chunks and two plain files: killed in each shard, between them, and in the plain files."""
    out = tmp_path / "out"
    argv = [sys.executable, "-c", KILLED, str(plain_folder), str(out), str(calls)]
    ended = subprocess.run(argv, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert not out.exists()
    assert not list(tmp_path.rglob("SEALED.json"))
    assert seal_small(plain_folder, out, dek=DEK).read()
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".sealing")]


def test_a_failed_run_leaves_nothing(plain_folder: Path, tmp_path: Path) -> None:
    def fail(_: int) -> None:
        raise OSError("the disk went away")

    with pytest.raises(OSError, match="went away"):
        seal(plain_folder, tmp_path / "out", dek=DEK, terms=Terms("m", VENDOR), advance=fail)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["plain"]


def test_an_existing_folder_is_not_touched(plain_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(Conflict):
        seal_small(plain_folder, tmp_path / "out", dek=DEK)
    assert not list((tmp_path / "out").iterdir())


def test_two_runs_do_not_write_one_folder(plain_folder: Path, tmp_path: Path) -> None:
    other = tmp_path / ".out.sealing"
    other.mkdir()
    (other / "theirs").write_text("x")
    held = os.open(other, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    with pytest.raises(Conflict):
        seal_small(plain_folder, tmp_path / "out", dek=DEK)
    assert (other / "theirs").exists()
    os.close(held)


def test_a_full_disk_is_told_before_anything_is_written(
    plain_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blobs, "RESERVE_BYTES", 1 << 60)
    with pytest.raises(Insufficient):
        seal_small(plain_folder, tmp_path / "out", dek=DEK)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["plain"]


def test_memory_is_bounded_by_chunks(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    size = 48 * 1024 * 1024
    table = json.dumps({"w": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}).encode()
    with (plain / "model.safetensors").open("wb") as stream:
        stream.write(len(table).to_bytes(8, "little") + table)
        stream.truncate(8 + len(table) + size)
    tracemalloc.start()
    seal(plain, tmp_path / "out", dek=DEK, terms=Terms("m", VENDOR))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < size / 2


def test_a_sealed_file_has_no_temporary_copy_in_clear(plain_folder: Path, tmp_path: Path) -> None:
    content = (plain_folder / "model-00001-of-00002.safetensors").read_bytes()[-64:]
    seen: list[bytes] = []

    def look(_: int) -> None:
        written = [path for path in tmp_path.rglob("*") if path.is_file() and plain_folder not in path.parents]
        seen.extend(path.read_bytes() for path in written)

    seal(plain_folder, tmp_path / "out", dek=DEK, terms=Terms("m", VENDOR), advance=look)
    assert seen
    assert not any(content in each for each in seen)


@pytest.mark.parametrize(
    ("name", "content"), [("pytorch_model.bin", b"\x80\x04."), ("modeling.py", b"import os"), ("w.gguf", b"GGUF")]
)
def test_what_the_store_refuses_or_cannot_be_sealed_is_refused(
    plain_folder: Path, tmp_path: Path, name: str, content: bytes
) -> None:
    (plain_folder / name).write_bytes(content)
    with pytest.raises(ApplianceError):
        seal_small(plain_folder, tmp_path / "out", dek=DEK)


def test_a_sealed_folder_is_not_sealed_again(plain_folder: Path, tmp_path: Path) -> None:
    seal_small(plain_folder, tmp_path / "once", dek=DEK)
    with pytest.raises(BadRequest):
        seal_small(tmp_path / "once", tmp_path / "twice", dek=DEK)


def test_a_head_beside_tied_embeddings_is_refused(plain_folder: Path, tmp_path: Path) -> None:
    """vLLM would look for it in plain safetensors, find none, and drop it silently."""
    (plain_folder / "config.json").write_text(json.dumps({"tie_word_embeddings": True}))
    (plain_folder / "model-00002-of-00002.safetensors").write_bytes(with_one_tensor("lm_head.weight"))
    with pytest.raises(BadRequest, match="tied"):
        seal_small(plain_folder, tmp_path / "out", dek=DEK)


def with_one_tensor(name: str) -> bytes:
    table = json.dumps({name: {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}}).encode()
    return len(table).to_bytes(8, "little") + table + b"x"


def test_each_run_has_its_own_identity(plain_folder: Path, tmp_path: Path) -> None:
    first, second = (seal_small(plain_folder, tmp_path / name, dek=DEK).artifact for name in ("one", "two"))
    assert first.artifact_id != second.artifact_id
    assert first.key_id != second.key_id
    assert first.digest != second.digest
