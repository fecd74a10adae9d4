import shutil
import tarfile
from pathlib import Path
from typing import NamedTuple

import pytest

from appliance.base.errors import BadRequest, Insufficient, NotFound
from appliance.weights.manifest import MANIFEST_FILE, read_manifest
from appliance.weights.progress import Meter
from appliance.weights.store import Progress, WeightStore


class Usage(NamedTuple):
    total: int
    used: int
    free: int


def full_disk(_: object) -> Usage:
    return Usage(10**12, 10**12, 1024)


@pytest.fixture
def store(tmp_path: Path) -> WeightStore:
    return WeightStore(tmp_path / "weights")


def spoil(path: Path, content: bytes) -> None:
    path.chmod(0o600)
    path.write_bytes(content)


def test_a_version_holds_the_same_bytes_and_is_named_by_them(store: WeightStore, model_folder: Path) -> None:
    first = store.publish(model_folder)
    assert store.versions() == (first.digest,)
    assert (first.path / "model.safetensors").read_bytes() == (model_folder / "model.safetensors").read_bytes()
    assert (first.path / "1_Pooling" / "config.json").is_file()
    assert not (first.path / "picture.png").exists()
    assert store.publish(model_folder).digest == first.digest
    assert store.verify(first.digest) == []


def test_blobs_are_shared_and_read_only(store: WeightStore, model_folder: Path) -> None:
    first = store.publish(model_folder)
    (model_folder / "config.json").write_text('{"other": 1}')
    second = store.publish(model_folder)
    assert first.digest != second.digest
    one, other = first.path / "model.safetensors", second.path / "model.safetensors"
    assert one.stat().st_ino == other.stat().st_ino
    assert one.stat().st_mode & 0o777 == 0o444


def test_a_later_edit_of_the_source_changes_nothing(store: WeightStore, model_folder: Path) -> None:
    published = store.publish(model_folder)
    (model_folder / "tokenizer.json").write_text('{"changed": true}')
    assert store.verify(published.digest) == []


def test_a_manifest_that_comes_along_is_left_out_and_said(
    store: WeightStore, model_folder: Path, tmp_path: Path
) -> None:
    """As with a folder that was copied out of another box's store: it makes the same version there."""
    published = store.publish(model_folder)
    copied = shutil.copytree(published.path, tmp_path / "copied")
    again = WeightStore(tmp_path / "other").publish(copied)
    assert (again.digest, again.left_out) == (published.digest, (MANIFEST_FILE,))
    assert read_manifest(again.path).digest == again.digest
    (copied / MANIFEST_FILE).chmod(0o600)
    (copied / MANIFEST_FILE).write_text('{"of": "somebody else"}')
    with tarfile.open(tmp_path / "model.tar", "w") as packed:
        packed.add(copied, arcname="model")
    third = WeightStore(tmp_path / "third")
    assert third.publish(tmp_path / "model.tar").digest == published.digest
    assert third.verify(published.digest) == []


def test_expected_digests_are_held_and_limit_the_import(store: WeightStore, model_folder: Path) -> None:
    with pytest.raises(BadRequest, match=r"config\.json is damaged"):
        store.publish(model_folder, expected={"config.json": "0" * 64, "model.safetensors": ""})
    with pytest.raises(BadRequest, match=r"missing\.json is missing"):
        store.publish(model_folder, expected={"missing.json": ""})
    published = store.publish(model_folder, expected={"model.safetensors": ""})
    assert sorted(path.name for path in published.path.iterdir()) == [MANIFEST_FILE, "model.safetensors"]


def test_a_flipped_bit_a_swapped_shard_and_a_wrong_tokenizer_are_named(
    store: WeightStore, model_folder: Path, tmp_path: Path
) -> None:
    weights = model_folder / "model.safetensors"
    swapped = bytearray(weights.read_bytes())
    swapped[-4096:], swapped[-8192:-4096] = swapped[-8192:-4096], swapped[-4096:]
    (model_folder / "second.safetensors").write_bytes(swapped)
    manifest = read_manifest(WeightStore(tmp_path / "reference").publish(model_folder).path)
    expected = {file.path: file.sha256 for file in manifest.files}
    good = {path: (model_folder / path).read_bytes() for path in expected}
    flipped = good["model.safetensors"][:-1] + bytes([good["model.safetensors"][-1] ^ 1])
    for path, content in (
        ("model.safetensors", flipped),
        ("model.safetensors", good["second.safetensors"]),
        ("tokenizer.json", b'{"another": "tokenizer"}'),
    ):
        (model_folder / path).write_bytes(content)
        with pytest.raises(BadRequest) as caught:
            store.publish(model_folder, expected=expected)
        assert (caught.value.error_code, caught.value.params["path"]) == ("digest_mismatch", path)
        assert store.versions() == ()
        (model_folder / path).write_bytes(good[path])
    assert store.publish(model_folder, expected=expected).digest == manifest.digest


def test_speed_and_time_left_are_those_of_the_last_seconds() -> None:
    seen: list[Progress] = []
    seconds = iter([0.0, 0.0, 1.0, 2.0, 60.0, 61.0])
    meter = Meter(1000, seen.append, now=lambda: next(seconds))
    meter.skip(500)
    for _ in range(4):
        meter.advance(100)
    assert [each.bytes_per_second for each in seen[:3]] == [0.0, 100.0, 100.0]
    assert seen[2].seconds_left == 3.0
    assert seen[0].seconds_left is None
    assert seen[-1].done_bytes == 900


def test_progress_reaches_the_whole(store: WeightStore, model_folder: Path) -> None:
    seen: list[Progress] = []
    published = store.publish(model_folder, progress=seen.append)
    assert seen[-1].done_bytes == seen[-1].total_bytes == published.total_bytes


class BreakOff(Exception):
    """Stands for the power going away."""


def test_a_broken_off_import_leaves_no_version_and_is_taken_up_again(store: WeightStore, model_folder: Path) -> None:
    def until_tokenizer(progress: Progress) -> None:
        if progress.file == "tokenizer.json":
            raise BreakOff

    with pytest.raises(BreakOff):
        store.publish(model_folder, progress=until_tokenizer)
    assert store.versions() == ()
    steps: list[Progress] = []
    published = store.publish(model_folder, progress=steps.append)
    assert store.verify(published.digest) == []
    assert list(store.staging.iterdir()) == []


def test_what_was_verified_is_not_read_again(store: WeightStore, model_folder: Path) -> None:
    def until_tokenizer(progress: Progress) -> None:
        if progress.file == "tokenizer.json":
            raise BreakOff

    with pytest.raises(BreakOff):
        store.publish(model_folder, progress=until_tokenizer)
    blob = next(path for path in store.blobs.root.glob("*/*") if path.stat().st_size > 4096 * 4)
    before = blob.stat().st_ino
    store.publish(model_folder)
    assert blob.stat().st_ino == before


def test_a_full_disk_is_said_before_anything_is_written(
    store: WeightStore, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", full_disk)
    with pytest.raises(Insufficient) as caught:
        store.publish(model_folder)
    assert caught.value.params["free_bytes"] == 1024
    assert store.versions() == ()
    assert list(store.blobs.root.rglob("*")) == []


@pytest.mark.parametrize(
    ("content", "reason"), [(b"x" * 10, "has 10 bytes"), (b"", "has 0 bytes"), (None, "its bytes have changed")]
)
def test_damage_is_named_and_repaired_in_every_version(
    store: WeightStore, model_folder: Path, content: bytes | None, reason: str
) -> None:
    first = store.publish(model_folder)
    (model_folder / "config.json").write_text("{}")
    second = store.publish(model_folder)
    path = first.path / "model.safetensors"
    spoil(path, content if content is not None else path.read_bytes()[:-1] + b"x")
    damage = store.verify(first.digest)
    assert [each.path for each in damage] == ["model.safetensors"]
    assert reason in damage[0].reason
    assert store.repair(first.digest, model_folder) == []
    assert store.verify(second.digest) == []


def test_a_missing_file_shows_in_the_quick_check(store: WeightStore, model_folder: Path) -> None:
    published = store.publish(model_folder)
    (published.path / "tokenizer.json").unlink()
    assert [damage.path for damage in store.check_sizes(published.digest)] == ["tokenizer.json"]
    assert store.repair(published.digest, model_folder) == []


def test_a_source_that_is_damaged_itself_repairs_nothing(store: WeightStore, model_folder: Path) -> None:
    published = store.publish(model_folder)
    spoil(published.path / "tokenizer.json", b"")
    (model_folder / "tokenizer.json").write_text("[]")
    assert [damage.path for damage in store.repair(published.digest, model_folder)] == ["tokenizer.json"]


def test_a_folder_without_its_manifest_is_no_version(store: WeightStore, model_folder: Path) -> None:
    published = store.publish(model_folder)
    (published.path / MANIFEST_FILE).unlink()
    assert store.versions() == ()
    with pytest.raises(NotFound):
        store.path_of(published.digest)
