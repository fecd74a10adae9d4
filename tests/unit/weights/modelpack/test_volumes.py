"""Volumes for small disks: laid out to fit, and a bad, missing or foreign one is named."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.base.errors import ApplianceError, BadRequest, Forbidden, Insufficient
from appliance.weights.manifest import StoredFile
from appliance.weights.modelpack.artifact import canonical
from appliance.weights.modelpack.operations import ImportRequest, inspect_model
from appliance.weights.modelpack.volume_source import VolumeSource
from appliance.weights.modelpack.volume_writer import Shape, export_volumes
from appliance.weights.modelpack.volumes import LARGEST_PART, SMALLEST_PIECE, lay_out
from tests.fixtures.two_boxes import KIB, VOLUME_BYTES, Box, full_disk


@pytest.fixture
def volumes(here: Box, version: str, tmp_path: Path) -> list[Path]:
    made = here.export_volumes(version, tmp_path / "volumes")
    assert made.volumes == 3
    return [Path(volume.path) for volume in made.written]


def refusal(box: Box, *places: Path) -> ApplianceError:
    with pytest.raises(ApplianceError) as caught:
        box.take_volumes(*places)
    assert box.store.versions() == ()
    return caught.value


def largest_part(volume: Path) -> Path:
    return max((volume / "parts").iterdir(), key=lambda path: path.stat().st_size)


def weight(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@given(
    sizes=st.lists(st.integers(0, 3 * 10**6), min_size=1, max_size=12),
    volume=st.integers(10**5, 10**7),
    largest=st.integers(10**4, 10**6),
)
@settings(deadline=None)
def test_pieces_join_to_the_blobs_and_fit_their_volumes(sizes: list[int], volume: int, largest: int) -> None:
    files = [StoredFile(path=f"f{number}", sha256=f"{number:064x}", bytes=size) for number, size in enumerate(sizes)]
    pieces = lay_out(files, volume_bytes=volume, largest_part=largest)
    for file in files:
        mine = [piece for piece in pieces if piece.blob == file.sha256]
        assert [piece.offset for piece in mine] == [sum(each.bytes for each in mine[:n]) for n in range(len(mine))]
        assert sum(piece.bytes for piece in mine) == file.bytes
        assert max(piece.bytes for piece in mine) <= largest
    numbers = [piece.volume for piece in pieces]
    assert numbers == sorted(numbers)
    for number in set(numbers):
        assert sum(piece.bytes for piece in pieces if piece.volume == number) <= volume * 0.95
    assert len(pieces) <= len(files) + sum(sizes) // largest + 2 * max(numbers) / (1 - SMALLEST_PIECE)


def test_parts_suit_fat32_and_volumes_a_labelled_disk() -> None:
    file = StoredFile(path="w", sha256="0" * 64, bytes=140 * 10**9)
    pieces = lay_out([file], volume_bytes=32 * 10**9)
    assert max(piece.bytes for piece in pieces) == LARGEST_PART < 2**32
    assert max(piece.volume for piece in pieces) == 5


def test_a_volume_too_small_for_its_documents_is_refused(here: Box, version: str, tmp_path: Path) -> None:
    shape = Shape(volume_bytes=20 * KIB)
    with pytest.raises(BadRequest, match="too small"):
        export_volumes(here.store, here.pack(version), target=tmp_path / "v", shape=shape, keyring=here.keyring)


def test_volumes_fit_and_make_the_same_version(there: Box, version: str, volumes: list[Path]) -> None:
    assert [weight(folder) <= VOLUME_BYTES for folder in volumes] == [True] * 3
    taken = there.take_volumes(*volumes)
    assert taken.digest == version
    assert there.store.verify(version) == []
    assert there.leftovers() == []


def test_volumes_are_taken_one_after_the_other(there: Box, version: str, volumes: list[Path]) -> None:
    assert "Volume 2 is missing. Volume 3 is missing." in refusal(there, volumes[0]).message
    assert refusal(there, volumes[1]).message == "Volume 3 is missing."
    assert there.take_volumes(volumes[2]).digest == version


def test_a_refusal_says_in_figures_which_volumes_are_wanted(there: Box, volumes: list[Path]) -> None:
    part = largest_part(volumes[0])
    part.write_bytes(part.read_bytes()[:-1])
    error = refusal(there, volumes[0], volumes[2])
    assert error.error_code == "volume_missing"
    assert error.params == {"missing_volumes": [2], "damaged_volumes": [1]}
    assert "start the same import again" in str(error.hint)


def test_a_volume_has_a_digest_that_anybody_can_compute(here: Box, version: str, tmp_path: Path) -> None:
    for volume in here.export_volumes(version, tmp_path / "volumes").written:
        names = sorted(path.name for path in (Path(volume.path) / "parts").iterdir())
        assert volume.digest == hashlib.sha256("".join(f"{name}\n" for name in names).encode()).hexdigest()
        assert volume.bytes == weight(Path(volume.path) / "parts")


def test_looking_at_volumes_says_which_are_here(there: Box, volumes: list[Path]) -> None:
    found = inspect_model(ImportRequest(home=there.root, places=(volumes[1],)))
    assert found["volumes"] == {"of": 3, "present": [2], "missing": [1, 3]}
    assert found["not_carried"] == []


def test_volumes_in_another_order_are_asked_for_again(there: Box, version: str, volumes: list[Path]) -> None:
    assert "Volume 1 is missing" in refusal(there, volumes[2]).message
    assert there.take_volumes(volumes[0].parent).digest == version


def test_one_volume_at_a_time_is_written_as_in_one_run(
    here: Box, version: str, volumes: list[Path], tmp_path: Path
) -> None:
    shape = Shape(volume_bytes=VOLUME_BYTES, only=2)
    made = export_volumes(here.store, here.pack(version), target=tmp_path / "usb", shape=shape, keyring=here.keyring)
    assert [Path(volume.path).name for volume in made.written] == ["volume-002"]
    for path in volumes[1].rglob("*.json"):
        assert (tmp_path / "usb" / "volume-002" / path.name).read_bytes() == path.read_bytes()
    with pytest.raises(BadRequest, match="no volume 4"):
        export_volumes(
            here.store, here.pack(version), target=tmp_path, shape=Shape(VOLUME_BYTES, only=4), keyring=here.keyring
        )


def test_a_damaged_volume_is_named_and_replaced(there: Box, version: str, volumes: list[Path]) -> None:
    part = largest_part(volumes[1])
    good = part.read_bytes()
    part.write_bytes(good[:-1] + bytes((good[-1] ^ 1,)))
    error = refusal(there, *volumes)
    assert error.error_code == "volume_damaged"
    assert f"Volume 2 is damaged: its part {part.name[:12]}" in error.message
    part.write_bytes(good)
    assert there.take_volumes(*volumes).digest == version
    assert there.store.verify(version) == []


@pytest.mark.parametrize(("length", "words"), [(0, "has 0 bytes"), (1000, "has 1000 bytes"), (None, "is missing")])
def test_a_truncated_volume_is_named(there: Box, volumes: list[Path], length: int | None, words: str) -> None:
    part = largest_part(volumes[1])
    if length is None:
        part.unlink()
    else:
        part.write_bytes(part.read_bytes()[:length])
    error = refusal(there, *volumes)
    assert "Volume 2 is damaged" in error.message
    assert words in error.message


def test_a_volume_of_another_set_is_named(
    here: Box, there: Box, volumes: list[Path], model_folder: Path, tmp_path: Path
) -> None:
    (model_folder / "config.json").write_text('{"other": 1}')
    other = here.export_volumes(here.store.publish(model_folder).digest, tmp_path / "others")
    error = refusal(there, volumes[0], Path(other.written[1].path))
    assert error.error_code == "another_set"
    assert other.written[1].path in error.message
    shutil.copy(Path(other.written[1].path) / "VOLUME.json", volumes[1])
    assert refusal(there, *volumes).error_code == "another_set"


def test_an_edited_index_is_refused(there: Box, volumes: list[Path]) -> None:
    for folder in volumes:
        index = json.loads((folder / "INDEX.json").read_bytes())
        index["parts"] = index["parts"][1:]
        (folder / "INDEX.json").write_bytes(canonical(index))
    error = refusal(there, *volumes)
    assert isinstance(error, Forbidden)
    assert error.error_code == "signature_mismatch"


def test_a_swapped_manifest_is_refused(there: Box, volumes: list[Path]) -> None:
    manifest = volumes[0] / "manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b"more.safetensors", b"most.safetensors"))
    assert "not the one of its index" in refusal(there, *volumes).message


def test_strangers_volumes_need_the_admins_word(version: str, volumes: list[Path], tmp_path: Path) -> None:
    stranger = Box(tmp_path / "stranger")
    assert refusal(stranger, *volumes).error_code == "untrusted_key"
    source = VolumeSource(volumes, keyring=stranger.keyring, unsigned=True)
    assert stranger.take(source, unsigned=True).digest == version


def test_a_folder_of_another_set_is_not_written_into(here: Box, volumes: list[Path], model_folder: Path) -> None:
    (model_folder / "config.json").write_text('{"other": 1}')
    other = here.store.publish(model_folder).digest
    with pytest.raises(BadRequest, match="another set"):
        here.export_volumes(other, volumes[0].parent)


def test_a_small_disk_is_said_first(here: Box, version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", full_disk)
    with pytest.raises(Insufficient, match="The export needs"):
        here.export_volumes(version, tmp_path / "volumes")
