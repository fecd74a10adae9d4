"""A look into an artifact, and the keys that are trusted, through the API."""

from pathlib import Path

import pytest

from appliance.base.errors import Unavailable
from appliance.base.settings import Settings
from control_plane.modelpacks.domain import ModelPackPlace
from control_plane.modelpacks.inspection import inspect
from tests.fixtures.two_boxes import Box
from tests.integration.control_plane.modelpacks.conftest import Yard


def test_a_look_says_what_is_in_it_who_signed_and_what_lacks(yard: Yard, there: Box, tmp_path: Path) -> None:
    made = there.export_volumes(there.store.versions()[0], tmp_path / "usb")
    body = {"places": [made.written[0].path]}
    found = yard.admin.post("/api/v1/modelpacks/inspect", json=body).json()
    assert (found["version"], found["is_here"]) == (there.store.versions()[0], False)
    assert (found["signed_by"], found["is_trusted"]) == (there.keyring.own_id(), False)
    assert found["total_bytes"] == made.bytes
    assert 320_000 < found["missing_bytes"] <= made.bytes, "small files may be here already, of other models"
    assert found["volumes"] == {"of": 3, "present": [1], "missing": [2, 3]}
    assert {file["path"] for file in found["files"]} >= {"model.safetensors", "config.json"}
    yard.trust(there)
    assert yard.admin.post("/api/v1/modelpacks/inspect", json=body).json()["is_trusted"] is True
    index = Path(made.written[0].path) / "INDEX.json"
    index.write_bytes(index.read_bytes().replace(b'"volumes":3', b'"volumes":4'))
    answer = yard.admin.post("/api/v1/modelpacks/inspect", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "signature_mismatch")


def test_a_look_at_nothing_is_a_sentence(yard: Yard, tmp_path: Path) -> None:
    answer = yard.admin.post("/api/v1/modelpacks/inspect", json={"places": [str(tmp_path / "nothing")]})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_artifact")


def test_a_look_ends(database_settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="within 0 s"):
        inspect(ModelPackPlace(places=(tmp_path,)), database_settings, limit_seconds=0.05)


def test_keys_are_listed_trusted_checked_and_distrusted(yard: Yard, there: Box) -> None:
    own = yard.admin.get("/api/v1/signing-keys/own").json()
    assert own["own"] is True
    assert own["public_key"].startswith("-----BEGIN PUBLIC KEY-----")
    pem, identity = there.keyring.public_pem().decode(), there.keyring.own_id()
    wrong = yard.admin.post("/api/v1/signing-keys", json={"public_key": pem, "key_id": "0" * 64})
    assert (wrong.status_code, wrong.json()["error"]["param"]) == (400, "key_id")
    assert yard.admin.post("/api/v1/signing-keys", json={"public_key": "no key"}).status_code == 400
    for _ in range(2):
        trusted = yard.admin.post("/api/v1/signing-keys", json={"public_key": pem, "key_id": identity})
        assert trusted.json() == {"object": "signing_key", "id": identity, "own": False, "public_key": pem}
    listed = yard.admin.get("/api/v1/signing-keys").json()["data"]
    assert [(key["id"], key["own"]) for key in listed] == [(own["id"], True), (identity, False)]
    assert yard.admin.delete(f"/api/v1/signing-keys/{identity}").status_code == 204
    assert yard.admin.delete(f"/api/v1/signing-keys/{identity}").status_code == 404
    assert yard.admin.delete(f"/api/v1/signing-keys/{own['id']}").status_code == 404
    entries = yard.admin.get("/api/v1/audit", params={"target": identity}).json()["data"]
    assert [entry["action"] for entry in entries] == ["signing_key.distrust", "signing_key.trust"]
