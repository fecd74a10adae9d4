"""What strangers, bad disks and editors do to an artifact: each is refused, named, and leaves the store as it was."""

import io
import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appliance.base.errors import ApplianceError, BadRequest, Forbidden, Insufficient
from tests.fixtures.two_boxes import REF, Box, edit_manifest, full_disk, put_blob, replace_bytes

TITLE = "org.opencontainers.image.title"


def layers_blob(layout: Path) -> Path:
    return max((layout / "blobs" / "sha256").iterdir(), key=lambda path: path.stat().st_size)


def refusal(box: Box, source: Path, *, unsigned: bool = False) -> ApplianceError:
    with pytest.raises(ApplianceError) as caught:
        box.take(source, unsigned=unsigned)
    assert box.store.versions() == ()
    assert list(box.store.blobs.root.glob("*/*")) == []
    return caught.value


def test_a_flipped_bit_is_named_and_a_good_copy_goes_on(there: Box, version: str, layout: Path) -> None:
    blob = layers_blob(layout)
    good = blob.read_bytes()
    replace_bytes(blob, good[:50_000] + bytes((good[50_000] ^ 1,)) + good[50_001:])
    error = refusal(there, layout)
    assert error.error_code == "digest_mismatch"
    assert "more.safetensors" in error.message
    replace_bytes(blob, good)
    assert there.take(layout).digest == version


def test_a_truncated_blob_is_named_and_filled_up(there: Box, version: str, layout: Path) -> None:
    blob = layers_blob(layout)
    good = blob.read_bytes()
    replace_bytes(blob, good[:100_000])
    error = refusal(there, layout)
    assert error.error_code == "truncated"
    assert "100000 of" in error.message
    replace_bytes(blob, good)
    assert there.take(layout).digest == version


def test_a_blob_that_never_ends_is_cut_off(there: Box, layout: Path) -> None:
    blob = layers_blob(layout)
    replace_bytes(blob, blob.read_bytes() + b"more")
    assert "longer" in refusal(there, layout).message


def test_bytes_that_a_power_loss_spoilt_are_fetched_again(there: Box, version: str, layout: Path) -> None:
    blob = layers_blob(layout)
    good = blob.read_bytes()
    replace_bytes(blob, good[:100_000])
    refusal(there, layout)
    part = next((there.store.root / "arriving").glob("*/*.part"))
    part.write_bytes(b"\0" * 90_000)
    replace_bytes(blob, good)
    assert there.take(layout).digest == version
    assert there.store.verify(version) == []


def swap_paths(manifest: dict[str, Any]) -> None:
    first, second = manifest["layers"][:2]
    first["annotations"], second["annotations"] = second["annotations"], first["annotations"]


def test_a_manifest_edited_after_signing_is_refused(there: Box, layout: Path) -> None:
    edit_manifest(layout, swap_paths)
    assert refusal(there, layout).error_code == "unsigned_artifact"


def test_another_models_signature_is_refused_even_unsigned(there: Box, layout: Path) -> None:
    edit_manifest(layout, swap_paths, keep_signature=True)
    assert refusal(there, layout, unsigned=True).error_code == "signature_mismatch"


def test_a_forged_signature_is_refused_even_unsigned(there: Box, layout: Path) -> None:
    """The signature says the right subject and the right key, but is over the old bytes."""
    digest = edit_manifest(layout, swap_paths, keep_signature=True)
    index = json.loads((layout / "index.json").read_bytes())
    entry = next(each for each in index["manifests"] if each["annotations"][REF].endswith(".ts-signature"))
    letter = json.loads((layout / "blobs" / "sha256" / entry["digest"][7:]).read_bytes())
    letter["subject"]["digest"] = f"sha256:{digest}"
    content = json.dumps(letter).encode()
    entry |= {"digest": f"sha256:{put_blob(layout, content)}", "size": len(content)}
    (layout / "index.json").write_text(json.dumps(index))
    error = refusal(there, layout, unsigned=True)
    assert isinstance(error, Forbidden)
    assert "changed after it was signed" in error.message


def test_a_manifest_edited_in_place_is_damaged(there: Box, layout: Path) -> None:
    index = json.loads((layout / "index.json").read_bytes())
    for entry in index["manifests"]:
        path = layout / "blobs" / "sha256" / entry["digest"][7:]
        path.write_bytes(path.read_bytes().replace(b"model.safetensors", b"nodel.safetensors"))
    assert refusal(there, layout, unsigned=True).error_code == "digest_mismatch"


@pytest.mark.parametrize(
    "path",
    [
        "../outside.safetensors", "/etc/x.safetensors", "a/../../x.safetensors", "./x.safetensors", "a//x.safetensors",
        "a\\x.safetensors", "a\nb.safetensors", "a\0b.safetensors", "", "MANIFEST.json", "x" * 300 + ".safetensors",
        "a/" * 20 + "x.safetensors", "tokenizer.json", "config.json/x.safetensors",
    ],
)  # fmt: skip
def test_paths_that_lead_out_or_meet_are_refused(there: Box, layout: Path, path: str) -> None:
    def rename(manifest: dict[str, Any]) -> None:
        found = next(each for each in manifest["layers"] if each["annotations"][TITLE] == "model.safetensors")
        found["annotations"] = {TITLE: path, "org.cncf.model.filepath": path}

    edit_manifest(layout, rename)
    assert refusal(there, layout, unsigned=True).error_code == "unsafe_artifact"


def every_layer(key: str, value: object) -> Callable[[dict[str, Any]], None]:
    def change(manifest: dict[str, Any]) -> None:
        for layer in manifest["layers"]:
            layer[key] = value

    return change


def set_field(key: str, value: object) -> Callable[[dict[str, Any]], None]:
    def change(manifest: dict[str, Any]) -> None:
        manifest[key] = value

    return change


def many_layers(manifest: dict[str, Any]) -> None:
    manifest["layers"] *= 5000


def another_kind(manifest: dict[str, Any]) -> None:
    manifest["artifactType"] = manifest["config"]["mediaType"] = "application/json"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (every_layer("size", 2**62), "less than or equal"),
        (every_layer("size", -1), "greater than or equal"),
        (every_layer("size", "12"), "integer"),
        (every_layer("size", 1e308), "integer"),
        (every_layer("digest", "sha256:../../etc/passwd"), "pattern"),
        (every_layer("digest", "sha512:" + "0" * 64), "pattern"),
        (every_layer("mediaType", "application/vnd.cncf.model.weight.v1.tar"), "only raw layers"),
        (many_layers, "at most 4194304"),
        (set_field("layers", []), "at least 1"),
        (set_field("schemaVersion", 1), "schemaVersion"),
        (another_kind, "no Mod"),
    ],
)  # fmt: skip
def test_absurd_manifests_are_refused(
    there: Box, layout: Path, change: Callable[[dict[str, Any]], None], words: str
) -> None:
    edit_manifest(layout, change)
    assert words in refusal(there, layout, unsigned=True).message


def test_more_than_the_disk_has_is_refused_before_a_byte_is_read(there: Box, layout: Path) -> None:
    def grow(manifest: dict[str, Any]) -> None:
        weights = next(each for each in manifest["layers"] if each["annotations"][TITLE] == "more.safetensors")
        weights |= {"size": 2**43, "digest": f"sha256:{'ab' * 32}"}

    edit_manifest(layout, grow)
    (layout / "blobs" / "sha256" / ("ab" * 32)).write_bytes(b"short")
    assert isinstance(refusal(there, layout, unsigned=True), Insufficient)
    assert list((there.store.root / "arriving").glob("*/*")) == []


def test_a_full_disk_is_said_first(there: Box, layout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", full_disk)
    assert isinstance(refusal(there, layout), Insufficient)


def test_an_index_that_claims_much_is_not_read(there: Box, layout: Path) -> None:
    index = json.loads((layout / "index.json").read_bytes())
    for entry in index["manifests"]:
        entry["size"] = 2**40
    (layout / "index.json").write_text(json.dumps(index))
    assert "instead of 1099511627776" in refusal(there, layout).message
    (layout / "index.json").write_bytes(b" " * (4 * 1024 * 1024 + 1))
    assert "at most" in refusal(there, layout).message


@pytest.mark.parametrize("name", ["model.bin", "pickle.pkl", "modeling.py", "lib.so"])
def test_pickle_and_code_are_refused_before_they_are_fetched(there: Box, layout: Path, name: str) -> None:
    def add(manifest: dict[str, Any]) -> None:
        manifest["layers"][0]["annotations"] = {"org.cncf.model.filepath": name}

    edit_manifest(layout, add)
    assert name in refusal(there, layout, unsigned=True).message
    assert not (there.store.root / "arriving").exists()


def test_bytes_that_are_no_weights_are_thrown_away(there: Box, layout: Path) -> None:
    digest = put_blob(layout, b"\x80\x04 no safetensors")

    def change(manifest: dict[str, Any]) -> None:
        weights = next(each for each in manifest["layers"] if each["annotations"][TITLE] == "more.safetensors")
        weights |= {"digest": f"sha256:{digest}", "size": 17}

    edit_manifest(layout, change)
    assert refusal(there, layout, unsigned=True).error_code == "unsafe_weights"
    assert there.leftovers() == []


def test_what_no_engine_reads_stays_out(there: Box, layout: Path) -> None:
    digest = put_blob(layout, b"\x89PNG")

    def add(manifest: dict[str, Any]) -> None:
        for path in ("picture.png", ".git/config.json"):
            layer = {**manifest["layers"][0], "digest": f"sha256:{digest}", "size": 4}
            manifest["layers"].append({**layer, "annotations": {"org.cncf.model.filepath": path}})

    edit_manifest(layout, add)
    taken = there.take(layout, unsigned=True)
    assert taken.left_out == (".git/config.json", "picture.png")
    assert not (taken.path / "picture.png").exists()


def test_links_and_pipes_in_a_layout_are_not_followed(there: Box, layout: Path) -> None:
    blob = layers_blob(layout)
    blob.unlink()
    blob.symlink_to("/dev/zero")
    assert refusal(there, layout).error_code == "left_out"
    (layout / "index.json").unlink()
    (layout / "index.json").symlink_to("/etc/hostname")
    assert "has no index.json" in refusal(there, layout).message


def member(name: str, **fields: Any) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    for key, value in fields.items():
        setattr(made, key, value)
    return made


@pytest.mark.parametrize(
    "extra",
    [
        member("../index.json"), member("/etc/passwd"), member("x", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        member("x", type=tarfile.LNKTYPE, linkname="index.json"), member("x", type=tarfile.CHRTYPE),
        member("x", type=tarfile.FIFOTYPE), member("index.json"),
    ],
)  # fmt: skip
def test_a_tar_with_anything_else_is_refused_whole(
    there: Box, layout: Path, tmp_path: Path, extra: tarfile.TarInfo
) -> None:
    with tarfile.open(tmp_path / "model.tar", "w") as archive:
        archive.add(layout, arcname=".")
        archive.addfile(extra)
    assert refusal(there, tmp_path / "model.tar").error_code == "unsafe_artifact"


def test_a_tar_whose_header_claims_gigabytes_is_refused(there: Box, tmp_path: Path) -> None:
    bomb = member("x", type=tarfile.XHDTYPE, size=8 * 2**30).tobuf(tarfile.GNU_FORMAT)
    path = tmp_path / "model.tar"
    with path.open("wb") as stream:
        stream.write(bomb)
        stream.truncate(9 * 2**30)
    assert "header that is too large" in refusal(there, path).message


def test_a_tar_that_ends_early_or_is_none_is_refused(there: Box, layout: Path, tmp_path: Path) -> None:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        archive.add(layout, arcname=".")
    (tmp_path / "short.tar").write_bytes(held.getvalue()[:300_000])
    refusal(there, tmp_path / "short.tar")
    (tmp_path / "none.tar").write_bytes(b"\x1f\x8b" + b"x" * 2000)
    assert "no uncompressed tar" in refusal(there, tmp_path / "none.tar").message
    with pytest.raises(BadRequest, match="cannot be read"):
        there.take(tmp_path / "nowhere")
