"""A signed update over the API: its entries stand over the release's and below an admin's own, and never go back."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi.testclient import TestClient
from sqlalchemy import text

from appliance.base.settings import Settings
from control_plane.catalogue.service import sync_catalogue
from control_plane.database.session import SessionFactory, transaction
from model_catalog.updates.reading import TRUST_FOLDER, signed_document
from tests.fixtures.catalogue_entries import raw_entry

KEY = Ed25519PrivateKey.generate()


@pytest.fixture
def trusting(database_settings: Settings) -> Iterator[None]:
    path = database_settings.paths.root / TRUST_FOLDER / "publisher.pub"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    yield
    path.unlink()


def signed(sequence: int, *entries: dict[str, Any]) -> bytes:
    document = {"sequence": sequence, "issued": "2026-11-22T00:00:00Z", "entries": list(entries)}
    return signed_document(json.dumps(document).encode(), key=KEY)


def apply(client: TestClient, document: bytes) -> tuple[int, dict[str, Any]]:
    headers = {"content-type": "application/octet-stream"}
    answer = client.post("/api/v1/catalogue/updates", content=document, headers=headers)
    return answer.status_code, answer.json()


def code(answer: tuple[int, dict[str, Any]]) -> str:
    return answer[1]["error"]["code"]


def origins(client: TestClient) -> dict[str, str]:
    return {item["id"]: item["origin"] for item in client.get("/api/v1/catalogue").json()["data"]}


def test_without_a_key_the_box_works_and_an_update_is_refused(admin: TestClient) -> None:
    answer = apply(admin, signed(1, raw_entry("a")))
    assert (answer[0], code(answer)) == (400, "no_trusted_key")
    assert "NAME.pub" in answer[1]["error"]["message"]
    assert set(origins(admin).values()) == {"release"}


@pytest.mark.usefixtures("trusting")
def test_layers_and_the_way_forward(admin: TestClient, reader: TestClient, session_factory: SessionFactory) -> None:
    assert apply(reader, signed(5))[0] == 403
    status, body = apply(admin, signed(5, raw_entry("a"), raw_entry("sails-guide", publisher="update")))
    assert (status, body["sequence"], body["entries"]) == (201, 5, 2)
    assert (origins(admin)["a"], origins(admin)["sails-guide"]) == ("update", "update")
    for sequence in (4, 5):
        assert code(apply(admin, signed(sequence, raw_entry("old")))) == "update_not_newer"
    mine = {"entries": [raw_entry("a", publisher="mine")], "overrides": True}
    assert admin.post("/api/v1/catalogue/entries", json=mine).status_code == 201
    assert origins(admin)["a"] == "custom"
    with transaction(session_factory) as session:
        sync_catalogue(session)  # the next start
    assert (origins(admin)["a"], origins(admin)["sails-guide"]) == ("custom", "update")
    assert apply(admin, signed(6, raw_entry("b")))[0] == 201
    found = origins(admin)
    assert (found["a"], found["b"], found["sails-guide"]) == ("custom", "update", "release")
    assert admin.get("/api/v1/audit", params={"action": "catalogue.update"}).json()["data"][0]["target"] == "6"


@pytest.mark.usefixtures("trusting")
def test_a_refused_update_changes_nothing(admin: TestClient) -> None:
    before = origins(admin)
    good = signed(50, raw_entry("c"))
    assert code(apply(admin, good[:-1])) == "bad_signature"
    assert code(apply(admin, b"")) == "invalid_request"
    assert code(apply(admin, b"nonsense")) == "not_an_update"
    assert apply(admin, b"x" * 5_000_000)[0] == 413
    assert code(apply(admin, signed(51, raw_entry("c", successor="nobody")))) == "update_refused"
    assert code(apply(admin, signed(51, raw_entry("c", tusk=1)))) == "update_refused"
    assert origins(admin) == before
    assert apply(admin, good)[0] == 201, "a number that was refused is not used up"


def test_an_entry_that_this_release_cannot_read_is_left_out_not_in_the_way(
    admin: TestClient, session_factory: SessionFactory
) -> None:
    body = {"entries": [raw_entry("old-form")], "overrides": False}
    assert admin.post("/api/v1/catalogue/entries", json=body).status_code == 201
    with transaction(session_factory) as session:
        session.execute(text("UPDATE catalog_models SET entry = entry - 'context' WHERE name = 'old-form'"))
        session.execute(text("UPDATE catalog_models SET digest = 'other' WHERE name = 'old-form'"))
        session.execute(text("UPDATE catalogue_state SET revision = revision + 1"))
    assert "old-form" not in origins(admin)
    answer = admin.get("/api/v1/catalogue/old-form")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "entry_outdated")
    assert admin.delete("/api/v1/catalogue/entries/old-form").status_code == 200
