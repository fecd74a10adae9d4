"""An artifact of another box becomes a version: as a job, with its signature, its volumes and its breaks."""

import shutil
from pathlib import Path

from control_plane.modelpacks.registries import password_file
from tests.fixtures.oci_registry import running_registry
from tests.fixtures.two_boxes import Box, replace_bytes
from tests.integration.control_plane.modelpacks.conftest import Yard

MODULE = "control_plane.versions.run_import"


def digest_of(box: Box) -> str:
    return box.store.versions()[0]


def test_an_artifact_becomes_a_version_once_its_signer_is_trusted(yard: Yard, there: Box, tmp_path: Path) -> None:
    there.export(digest_of(there), tmp_path / "usb")
    refused = yard.take("theirs", tmp_path / "usb")
    job = yard.end_of(refused)
    assert (job["state"], job["error"]["code"]) == ("failed", "untrusted_key")
    assert job["error"]["params"]["key_id"] == there.keyring.own_id()
    yard.trust(there)
    answer = yard.take("theirs", tmp_path / "usb")
    job = yard.end_of(answer)
    assert job["state"] == "succeeded", job["error"]
    assert answer["version"]["id"] == refused["version"]["id"], "the same import goes on with the same version"
    version = yard.version(answer)
    assert (version["state"], version["digest"]) == ("ready", digest_of(there))
    assert version["engine"]["max_model_len"] == 77
    assert yard.box.store.verify(version["digest"]) == []
    assert list(yard.box.store.arriving.iterdir()) == []


def test_a_changed_manifest_is_refused_whatever_is_said(yard: Yard, there: Box, tmp_path: Path) -> None:
    made = there.export_volumes(digest_of(there), tmp_path / "usb")
    index = Path(made.written[0].path) / "INDEX.json"
    index.write_bytes(index.read_bytes().replace(b'"volumes":3', b'"volumes":4'))
    yard.trust(there)
    job = yard.end_of(yard.take("changed", index.parent, unsigned=True))
    assert (job["state"], job["error"]["code"]) == ("failed", "signature_mismatch")


def test_a_missing_volume_is_named_and_the_same_import_goes_on(yard: Yard, there: Box, tmp_path: Path) -> None:
    digest = digest_of(there)
    made = there.export_volumes(digest, tmp_path / "usb")
    second, away = Path(made.written[1].path), tmp_path / "elsewhere"
    shutil.move(second, away)
    yard.trust(there)
    first = yard.take("by-volumes", tmp_path / "usb")
    error = yard.end_of(first)["error"]
    assert (error["code"], error["params"]) == ("volume_missing", {"missing_volumes": [2], "damaged_volumes": []})
    assert "Volume 2 is missing" in error["message"]
    assert "start the same import again" in error["hint"]
    shutil.move(away, second)
    part = max((second / "parts").iterdir(), key=lambda path: path.stat().st_size)
    good = part.read_bytes()
    replace_bytes(part, good[:-1])
    error = yard.end_of(yard.take("by-volumes", tmp_path / "usb"))["error"]
    assert (error["code"], error["params"]["damaged_volumes"]) == ("volume_damaged", [2])
    part.write_bytes(good)
    last = yard.take("by-volumes", tmp_path / "usb")
    assert yard.end_of(last)["state"] == "succeeded"
    assert last["version"]["id"] == first["version"]["id"]
    assert yard.version(last)["digest"] == digest
    assert list(yard.box.store.arriving.iterdir()) == []


def test_a_killed_import_goes_on_and_a_cancelled_one_stops(yard: Yard, there: Box, tmp_path: Path) -> None:
    """Both are caught at the store's lock, which an import waits for before it publishes."""
    digest = digest_of(there)
    there.export(digest, tmp_path / "usb")
    yard.trust(there)
    arriving = yard.box.store.arriving

    def linked() -> bool:
        return any(arriving.glob("*/tree/tokenizer.json"))

    with yard.box.store.exclusively():
        cancelled = yard.take("killed", tmp_path / "usb")
        yard.wait_until_running(cancelled, what="the tree", reached=linked)
        yard.admin.post(f"/api/v1/jobs/{cancelled['job']['id']}/cancel")
        assert yard.end_of(cancelled)["state"] == "cancelled"
        kept = {path.name: path.stat().st_ino for path in arriving.glob("*/*") if path.is_file()}
        shutil.rmtree(next(arriving.glob("*/tree")))
        killed = yard.take("killed", tmp_path / "usb")
        yard.wait_until_running(killed, what="the tree", reached=linked)
        yard.kill_process_of(MODULE)
        assert {path.name: path.stat().st_ino for path in arriving.glob("*/*") if path.is_file()} == kept
    job = yard.end_of(killed)
    assert (job["state"], job["attempt"]) == ("succeeded", 2)
    assert yard.version(killed)["digest"] == digest
    assert list(yard.box.store.arriving.iterdir()) == []


def test_a_registry_inside_is_refused_until_the_admin_allows_it(yard: Yard) -> None:
    with running_registry() as registry:
        for extra in ({}, {"plain_http": True}):
            place = {"reference": f"{registry.host}/models/m:v1", **extra}
            for path, body in (
                ("/imports", {"name": "m", "modelpack": {"registry": place}}),
                ("/modelpacks/inspect", {"registry": place}),
            ):
                answer = yard.admin.post(f"/api/v1{path}", json=body)
                assert (answer.status_code, answer.json()["error"]["code"]) == (400, "forbidden_address")
        assert registry.requests == []


def test_what_makes_no_sense_is_refused_at_once(yard: Yard) -> None:
    registry = {"reference": "r.example/m:v1"}
    bodies: list[dict[str, object]] = [
        {"modelpack": {}},
        {"modelpack": {"places": ["usb"]}},
        {"modelpack": {"places": ["/usb"], "registry": registry}},
        {"modelpack": {"registry": registry, "tag": "v1"}},
        {"modelpack": {"places": ["/usb"]}, "source_path": "/x"},
        {"modelpack": {"registry": {**registry, "user": "a:b"}}},
        {"modelpack": {"registry": {**registry, "ca_file": "ca.pem"}}},
    ]
    for body in bodies:
        answer = yard.admin.post("/api/v1/imports", json={"name": "x", **body})
        assert answer.status_code == 400, (body, answer.text)


def test_no_password_stands_in_a_job(yard: Yard) -> None:
    """A job names the user; the password is looked up by the job's process, which fails where there is none."""
    path = password_file(yard.settings.paths, "r.example")
    assert path.parent.parent.name == "secrets"
    answer = yard.admin.post(
        "/api/v1/imports",
        json={"name": "x", "modelpack": {"registry": {"reference": "r.example/m:v1", "user": "ann", "password": "pw"}}},
    )
    assert answer.status_code == 400
    assert "pw" not in answer.text
