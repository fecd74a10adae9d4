"""The endpoints, as an admin and a reader see them; answers hold no wrapped key."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from appliance.base.box import Box, Ports, write_box
from appliance.base.ids import new_uuid, public_id
from control_plane.licences.endpoints import this_box
from control_plane.licences.reconciler import LicencesReconciler
from tests.fixtures.admin_api import Nudges
from tests.fixtures.heartbeats import CARD, beat
from tests.fixtures.licences import DAY
from tests.integration.control_plane.licences.conftest import Desk


@pytest.fixture
def box(application: FastAPI, desk: Desk) -> Iterator[Desk]:
    application.dependency_overrides[this_box] = lambda: desk.here
    yield desk
    application.dependency_overrides.clear()


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_from_request_to_licence(admin: TestClient, reader: TestClient, box: Desk, nudges: Nudges) -> None:
    request = admin.post("/api/v1/licence-requests").json()["document"]
    licence, raw = box.vendor.issue(request.encode(), max_cards=8)
    nudges.names.clear()
    answer = admin.post("/api/v1/licences", json={"document": raw.decode()})
    assert answer.json() == {"object": "licence.applied", "kind": "licence"}
    assert nudges.names == ["licences", "serve"]
    [listed] = reader.get("/api/v1/licences").json()["data"]
    assert (listed["id"], listed["state"], listed["may_load"]) == (licence.id, "valid", True)
    assert (listed["cards_in_use"], listed["max_cards"], listed["vendor"]) == (0, 8, "Weights Ltd")
    assert reader.get(f"/api/v1/licences/{licence.id}").json() == listed
    assert licence.artifacts[0].wrapped_key not in str(listed)
    [root] = reader.get("/api/v1/licence-roots").json()["data"]
    assert root["id"] == box.vendor.root.fingerprint
    [entry] = admin.get("/api/v1/audit", params={"target": licence.id}).json()["data"]
    assert entry["action"] == "licence.apply"


def test_refusals_have_codes_and_say_nothing_of_the_file(admin: TestClient, box: Desk) -> None:
    _, raw = box.vendor.issue(box.ask())
    changed = raw.decode().replace("Example Bank", "Example Bonk")
    cases: list[tuple[Any, tuple[int, str]]] = [
        (changed, (400, "licence_signature_wrong")),
        ("nonsense", (400, "licence_file_damaged")),
        (box.vendor.root_file.decode(), (400, "licence_file_of_another_kind")),
        (raw.decode().replace("ed25519", "rsa-md5", 1), (400, "licence_algorithm_unknown")),
        (raw.decode() + " " * 300_000, (400, "licence_file_too_large")),
        ("x" * 1_100_000, (400, "invalid_request")),
        ("", (400, "invalid_request")),
        (5, (400, "invalid_request")),
    ]
    for document, expected in cases:
        answer = admin.post("/api/v1/licences", json={"document": document})
        assert code(answer) == expected, answer.text[:300]
        assert len(answer.text) < 2000
    wrong = {"document": box.vendor.root_file.decode(), "fingerprint": "0" * 64}
    assert code(admin.post("/api/v1/licence-roots", json=wrong)) == (400, "invalid_request")
    assert code(admin.get("/api/v1/licences/lic-none")) == (404, "not_found")


def test_a_copied_home_is_known_by_its_cards(admin: TestClient, node: TestClient, box: Desk) -> None:
    """The copy has the key, the rows and a hypervisor's copies of all else; its own heartbeat tells other cards."""
    (box.here.world.root / "run/systemd/tpm2-srk-public-key.pem").unlink()
    ports = Ports(**{name: 20000 + number for number, name in enumerate(Ports.model_fields)})
    node_id = new_uuid()
    write_box(box.here.home, Box(node_id=node_id, ports=ports))
    try:
        node.post("/api/v1/nodes/heartbeat", json=beat(node_id, CARD.model_copy(update={"uuid": "GPU-first"})))
        licence = box.licensed()
        assert licence.box.box_id == public_id("node", node_id)
        assert admin.get(f"/api/v1/licences/{licence.id}").json()["state"] == "valid"
        other = CARD.model_copy(update={"uuid": "GPU-second", "key": "GPU-2"})
        box.now += DAY
        node.post("/api/v1/nodes/heartbeat", json=beat(node_id, other))
        assert admin.get(f"/api/v1/licences/{licence.id}").json()["state"] == "foreign_box"
    finally:
        box.here.home.box_file.unlink()


def test_the_reconciler_mends_the_homes_folder(box: Desk) -> None:
    licence = box.licensed()
    folder = box.here.home.licences
    LicencesReconciler(box.factory, box.here).run()
    names = {path.name for path in folder.iterdir()}
    assert names == {f"{licence.id}.licence", f"{box.vendor.root.fingerprint}.root", "clock"}
    (folder / f"{licence.id}.licence").write_bytes(b"damaged")
    (folder / "strange.licence").write_bytes(b"put there")
    LicencesReconciler(box.factory, box.here).run()
    assert (folder / f"{licence.id}.licence").read_bytes() == box.row(licence).document
    assert {path.name for path in folder.iterdir()} == names
    assert not [path for path in Path(folder).iterdir() if path.stat().st_mode & 0o077]
