"""An export from the API's request to an artifact that another box takes, through the real queue and worker."""

import os
import time
from pathlib import Path

from appliance.weights.modelpack.operations import take_inventory
from appliance.weights.upkeep import YOUNG_SECONDS, collect
from tests.fixtures.two_boxes import VOLUME_BYTES, Box, trusting
from tests.integration.control_plane.modelpacks.conftest import Yard, let_go, stopping_at_second_volume

MODULE = "control_plane.exports.run_export"


def is_stopped(target: Path) -> bool:
    return (target / "volume-001" / "INDEX.json").is_file()


def parts(volume: Path) -> dict[str, int]:
    return {path.name: path.stat().st_ino for path in (volume / "parts").iterdir()}


def test_a_version_leaves_and_another_box_takes_it(yard: Yard, tmp_path: Path) -> None:
    version = yard.ready_version()
    job = yard.end_of(yard.export(version, target=str(tmp_path / "usb"), tag="v1", copy=True))
    assert job["state"] == "succeeded", job["error"]
    own = yard.admin.get("/api/v1/signing-keys/own").json()
    result = job["result"]
    assert (result["tag"], result["signed_by"], result["left_out"]) == ("v1", own["id"], 0)
    assert result["bytes"] == version["total_bytes"] == job["progress"]["total_bytes"]
    assert (tmp_path / "usb").stat().st_mode & 0o777 == 0o755
    other = trusting(Box(tmp_path / "other"), other=yard.box)
    assert other.take(tmp_path / "usb").digest == version["digest"]
    [entry] = yard.admin.get("/api/v1/audit", params={"target": version["id"], "limit": 1}).json()["data"]
    assert (entry["action"], entry["after"]["to"]) == ("version.export", str(tmp_path / "usb"))


def test_volumes_are_listed_with_their_digests_and_what_the_other_has_stays(yard: Yard, tmp_path: Path) -> None:
    version = yard.ready_version()
    (tmp_path / "usb").mkdir()
    job = yard.end_of(yard.export(version, target=str(tmp_path / "usb"), volume_bytes=VOLUME_BYTES))
    result = job["result"]
    assert result["volumes"] == len(result["written"]) == 3
    assert all(len(volume["digest"]) == 64 for volume in result["written"])
    assert sum(volume["bytes"] for volume in result["written"]) == result["bytes"]
    other = trusting(Box(tmp_path / "other"), other=yard.box)
    assert other.take_volumes(tmp_path / "usb").digest == version["digest"]
    take_inventory(other.root, target=tmp_path / "inventory")
    rest = yard.end_of(yard.export(version, target=str(tmp_path / "rest"), inventory=str(tmp_path / "inventory")))
    assert (rest["result"]["bytes"], rest["result"]["left_out"]) == (0, 6)


def test_a_killed_export_goes_on_behind_its_last_part(yard: Yard, tmp_path: Path) -> None:
    version = yard.ready_version()
    with stopping_at_second_volume(tmp_path / "usb") as target:
        answer = yard.export(version, target=str(target), volume_bytes=VOLUME_BYTES)
        yard.wait_until_running(answer, what="the first volume", reached=lambda: is_stopped(target))
        before = parts(target / "volume-001")
        yard.kill_process_of(MODULE)
    job = yard.end_of(answer)
    assert (job["state"], job["attempt"]) == ("succeeded", 2)
    assert parts(target / "volume-001") == before
    assert trusting(Box(tmp_path / "other"), other=yard.box).take_volumes(target).digest == version["digest"]


def test_a_cancelled_export_stops_and_may_be_started_again(yard: Yard, tmp_path: Path) -> None:
    version = yard.ready_version()
    with stopping_at_second_volume(tmp_path / "usb") as target:
        answer = yard.export(version, target=str(target), volume_bytes=VOLUME_BYTES)
        yard.wait_until_running(answer, what="the first volume", reached=lambda: is_stopped(target))
        yard.admin.post(f"/api/v1/jobs/{answer['job']['id']}/cancel")
        assert yard.end_of(answer)["state"] == "cancelled"
    assert not (target / "volume-002" / "INDEX.json").exists()
    again = yard.end_of(yard.export(version, target=str(target), volume_bytes=VOLUME_BYTES))
    assert (again["state"], len(again["result"]["written"])) == ("succeeded", 3)


def test_gc_leaves_what_an_export_waits_for_and_what_it_reads(yard: Yard, tmp_path: Path) -> None:
    """A queued one is kept by its version's row, which gc asks for; a running one even where nobody names it."""
    version = yard.ready_version()
    store, digest = yard.box.store, version["digest"]
    then = time.time() - YOUNG_SECONDS - 60
    os.utime(store.path_of(digest), (then, then))
    with stopping_at_second_volume(tmp_path / "usb") as target:
        answer = yard.export(version, target=str(target), volume_bytes=VOLUME_BYTES)
        named = {row["digest"] for row in yard.admin.get("/api/v1/versions").json()["data"] if row["digest"]}
        assert digest not in collect(store, keep=named).versions
        yard.wait_until_running(answer, what="the first volume", reached=lambda: is_stopped(target))
        assert digest not in collect(store, keep=set()).versions
        let_go(target)
        assert yard.end_of(answer)["state"] == "succeeded"
        assert store.verify(digest) == []


def test_what_cannot_be_written_is_said(yard: Yard, tmp_path: Path) -> None:
    version = yard.ready_version()
    job = yard.end_of(yard.export(version, target=str(tmp_path / "no" / "disk")))
    assert (job["state"], job["error"]["code"]) == ("failed", "no_target")
    (tmp_path / "way").symlink_to(yard.box.root)
    job = yard.end_of(yard.export(version, target=str(tmp_path / "way" / "weights")))
    assert "lies in the appliance's home" in job["error"]["message"]


def test_what_makes_no_sense_is_refused_at_once(yard: Yard) -> None:
    version = yard.ready_version()
    usb = {"target": "/media/usb"}
    registry = {"reference": "r.example/m:v1"}
    bodies: list[dict[str, object]] = [
        {},
        {"target": "relative"},
        {"target": "/media/../etc"},
        {"target": str(yard.box.root / "weights")},
        {**usb, "registry": registry},
        {**usb, "volume": 1},
        {**usb, "tag": "-x"},
        {**usb, "tag": "sha256-1.ts-signature"},
        {**usb, "tag": "t", "volume_bytes": 10},
        {**usb, "volume_bytes": 0},
        {"registry": {"reference": "models/m:v1"}},
        {"registry": {"reference": "r.example/../m:v1"}},
        {"registry": {**registry, "password": "x"}},
        {"registry": registry, "copy": True},
        {"registry": {"reference": "127.0.0.1:5000/m:v1"}},
        {"registry": {**registry, "plain_http": True}},
    ]
    for body in bodies:
        answer = yard.admin.post("/api/v1/exports", json={"version_id": version["id"], **body})
        assert answer.status_code == 400, (body, answer.text)
        assert answer.json()["error"]["message"]


def test_a_version_that_is_not_ready_is_not_exported(yard: Yard, tmp_path: Path) -> None:
    failed = yard.post("/imports", {"name": "bad", "source_path": str(tmp_path / "nothing")})
    yard.end_of(failed)
    answer = yard.admin.post("/api/v1/exports", json={"version_id": failed["version"]["id"], "target": "/media/usb"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "version_not_ready")
