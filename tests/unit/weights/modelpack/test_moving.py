"""Out of one box and into another: the same version, nothing copied or hashed that need not be."""

import json
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from appliance.base.errors import BadRequest, Forbidden, SetupError
from appliance.weights.modelpack.exporting import Caption, export_layout, pack
from appliance.weights.modelpack.importing import read_contents
from appliance.weights.modelpack.inventory import read_inventory, write_inventory
from appliance.weights.modelpack.operations import ImportRequest, import_model, inspect_model
from appliance.weights.modelpack.sources import open_layout
from appliance.weights.modelpack.watch import Watch
from appliance.weights.safety import Rules
from appliance.weights.store import Progress
from tests.fixtures.two_boxes import REF, Box, replace_bytes, tree_of


class BreakOff(Exception):
    """An admin cancels."""


def manifest_in(layout: Path) -> dict[str, Any]:
    entries = json.loads((layout / "index.json").read_bytes())["manifests"]
    entry = next(each for each in entries if not each["annotations"][REF].endswith(".ts-signature"))
    return json.loads((layout / "blobs" / "sha256" / entry["digest"][7:]).read_bytes())


def test_the_other_box_gets_the_same_version(here: Box, there: Box, version: str, layout: Path) -> None:
    taken = there.take(layout)
    assert taken.digest == version
    assert tree_of(taken.path) == tree_of(here.store.path_of(version))
    assert there.store.verify(version) == []
    assert there.leftovers() == []


def test_the_artifact_is_a_modelpack(here: Box, layout: Path) -> None:
    manifest = manifest_in(layout)
    assert manifest["artifactType"] == "application/vnd.cncf.model.manifest.v1+json"
    layers = {each["annotations"]["org.cncf.model.filepath"]: each for each in manifest["layers"]}
    assert layers["model.safetensors"]["mediaType"] == "application/vnd.cncf.model.weight.v1.raw"
    assert layers["config.json"]["mediaType"] == "application/vnd.cncf.model.weight.config.v1.raw"
    assert layers["LICENSE"]["mediaType"] == "application/vnd.cncf.model.doc.v1.raw"
    stored = {path.name for path in here.store.blobs.root.glob("*/*")}
    assert {each["digest"].removeprefix("sha256:") for each in layers.values()} == stored


def test_the_config_follows_the_specification(here: Box, version: str) -> None:
    package = pack(here.store, version, keyring=here.keyring, caption=Caption(name="m", licenses=("Apache-2.0",)))
    config = json.loads(next(iter(package.model.documents.values())))
    assert config["descriptor"] == {"licenses": ["Apache-2.0"], "name": "m"}
    assert config["modelfs"]["type"] == "layers"
    assert len(config["modelfs"]["diffIds"]) == len(package.version.files)


def test_an_export_is_hard_links_and_the_same_every_time(here: Box, version: str, tmp_path: Path) -> None:
    first, second = here.export(version, tmp_path / "a"), here.export(version, tmp_path / "b")
    assert tree_of(tmp_path / "a") == tree_of(tmp_path / "b")
    assert first.manifest_digest == second.manifest_digest
    blob = next(here.store.blobs.root.glob("*/*"))
    assert (tmp_path / "a" / "blobs" / "sha256" / blob.name).stat().st_ino == blob.stat().st_ino


def test_a_copy_shares_nothing_and_names_a_damaged_file(here: Box, version: str, tmp_path: Path) -> None:
    here.export(version, tmp_path / "a", copy=True)
    blob = max(here.store.blobs.root.glob("*/*"), key=lambda path: path.stat().st_size)
    assert (tmp_path / "a" / "blobs" / "sha256" / blob.name).stat().st_ino != blob.stat().st_ino
    replace_bytes(blob, b"x" * blob.stat().st_size)
    with pytest.raises(SetupError, match=blob.name[:12]):
        here.export(version, tmp_path / "b", copy=True)


def test_one_layout_holds_several_models(here: Box, there: Box, version: str, model_folder: Path, layout: Path) -> None:
    (model_folder / "config.json").write_text("{}")
    other = here.store.publish(model_folder).digest
    here.export(other, layout)
    with pytest.raises(BadRequest, match=min(version, other)[:12]):
        there.take(layout)
    assert there.take(open_layout(layout, tag=other[:12])).digest == other
    assert there.take(open_layout(layout, tag=version[:12])).digest == version


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_a_tar_of_a_layout_is_read_in_place(there: Box, version: str, layout: Path, tmp_path: Path, form: int) -> None:
    with tarfile.open(tmp_path / "model.tar", "w", format=form) as archive:
        archive.add(layout, arcname=".")
    assert there.take(tmp_path / "model.tar").digest == version
    assert there.store.verify(version) == []


def test_only_what_the_other_box_lacks_is_carried(here: Box, there: Box, model_folder: Path, tmp_path: Path) -> None:
    there.store.publish(model_folder)
    (model_folder / "config.json").write_text('{"new": 1}')
    newer = here.store.publish(model_folder).digest
    write_inventory(there.store, tmp_path / "inventory")
    made = here.export(newer, tmp_path / "delta", known=read_inventory(tmp_path / "inventory"))
    assert made.bytes == len('{"new": 1}')
    assert there.take(tmp_path / "delta").digest == newer
    assert there.store.verify(newer) == []


def test_what_was_left_out_and_is_not_there_is_named(here: Box, there: Box, version: str, tmp_path: Path) -> None:
    known = frozenset(path.name for path in here.store.blobs.root.glob("*/*"))
    here.export(version, tmp_path / "delta", known=known)
    with pytest.raises(BadRequest, match=r"lacks 5 of the model's files.*more\.safetensors") as caught:
        there.take(tmp_path / "delta")
    assert caught.value.error_code == "left_out"


@pytest.mark.parametrize("content", ["", "other\n", "# thousand-sails inventory 1\n../x\n"])
def test_a_wrong_inventory_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "inventory").write_text(content)
    with pytest.raises(BadRequest, match=r"inventory|no digest"):
        read_inventory(tmp_path / "inventory")


def test_progress_reaches_the_whole_and_a_cancelled_import_goes_on(there: Box, version: str, layout: Path) -> None:
    def until_more(progress: Progress) -> None:
        if progress.file == "more.safetensors":
            raise BreakOff

    with pytest.raises(BreakOff):
        there.take(layout, watch=Watch(progress=until_more))
    assert there.store.versions() == ()
    seen: list[Progress] = []
    there.take(layout, watch=Watch(progress=seen.append))
    assert seen[-1].done_bytes == seen[-1].total_bytes
    assert there.store.versions() == (version,)
    assert there.leftovers() == []


def test_a_second_import_reads_no_blob(there: Box, version: str, layout: Path) -> None:
    there.take(layout)
    for blob in (layout / "blobs" / "sha256").iterdir():
        if blob.stat().st_size > 8192:
            blob.unlink()
    assert there.take(layout).digest == version


def test_the_public_key_decides_who_is_believed(here: Box, version: str, layout: Path, tmp_path: Path) -> None:
    stranger = Box(tmp_path / "stranger")
    with pytest.raises(Forbidden, match="not trusted here") as caught:
        stranger.take(layout)
    assert caught.value.params["key_id"] == here.keyring.own_id()
    assert stranger.take(layout, unsigned=True).digest == version
    identity = stranger.keyring.trust(here.keyring.public_pem())
    contents = read_contents(open_layout(layout), keyring=stranger.keyring, unsigned=False)
    assert contents.signed_by == identity
    stranger.keyring.distrust(identity)
    with pytest.raises(Forbidden):
        read_contents(open_layout(layout), keyring=stranger.keyring, unsigned=False)


def test_looking_names_a_stranger_and_takes_nothing(here: Box, layout: Path, tmp_path: Path) -> None:
    stranger = Box(tmp_path / "stranger")
    request = ImportRequest(home=stranger.root, places=(layout,))
    found = inspect_model(request)
    assert (found["signed_by"], found["is_trusted"]) == (here.keyring.own_id(), False)
    stranger.keyring.trust(here.keyring.public_pem())
    assert inspect_model(request)["is_trusted"] is True
    assert not stranger.store.root.exists()


def test_a_model_whose_code_was_left_out_moves_on_the_same_terms(
    tmp_path: Path, model_folder: Path, there: Box
) -> None:
    (model_folder / "config.json").write_text('{"auto_map": {"AutoModel": "modeling.Model"}}')
    box = Box(tmp_path / "coded")
    there.keyring.trust(box.keyring.public_pem())
    version = box.store.publish(model_folder, rules=Rules(leave_code_out=True)).digest
    box.export(version, tmp_path / "coded-layout")
    request = ImportRequest(home=there.root, places=(tmp_path / "coded-layout",))
    with pytest.raises(BadRequest, match="auto_map"):
        import_model(request)
    assert import_model(replace(request, leave_code_out=True)).digest == version


def test_a_box_believes_itself(here: Box, version: str, layout: Path) -> None:
    assert here.take(layout).digest == version


def test_keys_are_for_their_owner_only_and_stay(here: Box) -> None:
    first = here.keyring.public_pem()
    assert here.keyring.private.stat().st_mode & 0o777 == 0o600
    assert here.keyring.public_pem() == first
    assert [path.name for path in here.keyring.private.parent.iterdir()] == ["export_signing_key.pem"]


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PUBLIC KEY-----\nAA==\n-----END PUBLIC KEY-----\n", b"x" * 9999])
def test_what_is_no_key_is_not_trusted(there: Box, content: bytes) -> None:
    before = there.keyring.trusted_ids()
    with pytest.raises(BadRequest):
        there.keyring.trust(content)
    assert there.keyring.trusted_ids() == before


def test_a_key_under_another_name_does_not_count(here: Box, there: Box, tmp_path: Path) -> None:
    stranger = Box(tmp_path / "stranger")
    (there.keyring.trusted / f"{here.keyring.own_id()}.pem").write_bytes(stranger.keyring.public_pem())
    assert there.keyring.trusted_ids() == ()


def test_the_index_keeps_what_others_wrote(here: Box, version: str, layout: Path) -> None:
    index = json.loads((layout / "index.json").read_bytes())
    foreign = {**index["manifests"][0], "platform": {"os": "linux"}, "annotations": {REF: "foreign"}}
    (layout / "index.json").write_text(json.dumps({**index, "manifests": [*index["manifests"], foreign]}))
    export_layout(here.store, here.pack(version), target=layout, tag="again")
    assert foreign in json.loads((layout / "index.json").read_bytes())["manifests"]
