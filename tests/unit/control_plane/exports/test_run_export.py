"""Where an export may write, and what it says in the end."""

from pathlib import Path

import pytest

from appliance.base.errors import BadRequest
from appliance.base.paths import Home
from appliance.weights.modelpack.volume_writer import VolumeSet, WrittenVolume
from control_plane.exports.domain import ExportSpec, refuse_inside
from control_plane.exports.run_export import check_target, result_of


@pytest.mark.parametrize("target", ["/home/box", "/home/box/weights", "/home/box/../box/x", "/home/box/."])
def test_the_home_is_no_target(target: str) -> None:
    with pytest.raises(BadRequest, match="home"):
        refuse_inside(Path("/home/box"), Path(target))


@pytest.mark.parametrize("target", ["/home/boxes", "/home", "/home/box/../usb"])
def test_what_lies_beside_it_is(target: str) -> None:
    assert refuse_inside(Path("/home/box"), Path(target)) is None


def test_a_link_into_the_home_and_a_disk_that_is_away_are_found_out(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "usb").symlink_to(tmp_path / "home")
    home = Home(tmp_path / "home")
    with pytest.raises(BadRequest, match="home"):
        check_target(tmp_path / "usb" / "model", home)
    with pytest.raises(BadRequest) as caught:
        check_target(tmp_path / "no" / "disk", home)
    assert caught.value.error_code == "no_target"
    assert check_target(tmp_path / "new", home) is None


def test_the_result_lists_volumes() -> None:
    written = (WrittenVolume(2, "/usb/volume-002", "d" * 64, 5),)
    made = VolumeSet("s" * 64, "m" * 64, 3, written, 12, ("x",))
    result = result_of(made, signed_by="k").model_dump(mode="json")
    assert (result["path"], result["volumes"], result["left_out"]) == ("/usb", 3, 1)
    assert result["written"] == [{"number": 2, "path": "/usb/volume-002", "digest": "d" * 64, "bytes": 5}]


def test_a_spec_holds_no_password() -> None:
    place = {"reference": "r.example/m:v1", "user": "ann", "password": "pw"}
    spec = ExportSpec.model_validate({"version_id": "v", "model_name": "m", "digest": "d", "registry": place})
    assert "pw" not in spec.model_dump_json()
