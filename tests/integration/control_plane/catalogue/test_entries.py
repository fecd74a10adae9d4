"""An admin's own entries: added all or none, in the place of a shipped one only when asked, gone without a trace."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.fixtures.catalogue_entries import raw_entry

ENTRIES = "/api/v1/catalogue/entries"


@pytest.fixture(autouse=True)
def nothing_of_other_tests(admin: TestClient) -> Iterator[None]:
    yield
    while own := [item["id"] for item in listed(admin).values() if item["origin"] == "custom"]:
        for name in own:
            admin.delete(f"{ENTRIES}/{name}")


def listed(client: TestClient) -> dict[str, dict[str, Any]]:
    return {item["id"]: item for item in client.get("/api/v1/catalogue").json()["data"]}


def add(client: TestClient, *entries: dict[str, Any], overrides: bool = False) -> tuple[int, dict[str, Any]]:
    answer = client.post(ENTRIES, json={"entries": list(entries), "overrides": overrides})
    return answer.status_code, answer.json()


def refusal(answer: tuple[int, dict[str, Any]]) -> tuple[int, str]:
    return answer[0], answer[1]["error"]["message"]


def test_added_replaced_and_removed(admin: TestClient, reader: TestClient) -> None:
    shipped = listed(reader)
    assert {item["origin"] for item in shipped.values()} == {"release"}
    assert add(admin, raw_entry("b"), raw_entry("a", successor="b"))[0] == 201
    assert listed(reader)["a"]["origin"] == "custom"
    changed = raw_entry("a", publisher="somebody else")
    assert admin.put(f"{ENTRIES}/a", json={"entry": changed}).json()["names"] == ["a"]
    one = reader.get("/api/v1/catalogue/a").json()
    assert (one["entry"]["publisher"], one["overrides"], one["fits"]) == ("somebody else", False, None)
    assert admin.delete(f"{ENTRIES}/a").json() == {"object": "catalogue.entry.removed", "id": "a", "remaining": False}
    assert reader.get("/api/v1/catalogue/a").status_code == 404
    assert admin.delete(f"{ENTRIES}/a").status_code == 404
    entries = admin.get("/api/v1/audit", params={"target": "a"}).json()["data"]
    actions = ["catalogue_entry.remove", "catalogue_entry.replace", "catalogue_entry.add"]
    assert [entry["action"] for entry in entries] == actions
    assert entries[1]["before"]["publisher"] != entries[1]["after"]["publisher"]


def test_a_reader_changes_nothing(reader: TestClient) -> None:
    assert add(reader, raw_entry("a"))[0] == 403
    assert reader.delete(f"{ENTRIES}/sails-guide").status_code == 403


def test_a_shipped_name_is_taken_only_when_asked_and_given_back(admin: TestClient) -> None:
    mine = raw_entry("sails-guide", publisher="mine")
    status, message = refusal(add(admin, mine))
    assert status == 400
    assert "own catalogue has an entry 'sails-guide'" in message
    assert add(admin, mine, overrides=True)[0] == 201
    here = listed(admin)["sails-guide"]
    assert (here["origin"], here["overrides"], here["entry"]["publisher"]) == ("custom", True, "mine")
    assert admin.put(f"{ENTRIES}/sails-guide", json={"entry": mine}).status_code == 400
    assert admin.delete(f"{ENTRIES}/sails-guide").json()["remaining"] is True
    assert listed(admin)["sails-guide"]["origin"] == "release"


def test_all_or_none(admin: TestClient) -> None:
    add(admin, raw_entry("b"))
    status, message = refusal(add(admin, raw_entry("a"), raw_entry("b")))
    assert (status, "custom entry 'b' already" in message) == (400, True)
    assert "a" not in listed(admin)
    assert "custom entry 'c' already" in refusal(add(admin, raw_entry("c"), raw_entry("c")))[1]
    body = {"entries": [raw_entry("a"), raw_entry("b", publisher="new")], "replaces": True}
    assert admin.post(ENTRIES, json=body).status_code == 201
    assert listed(admin)["b"]["entry"]["publisher"] == "new"


@pytest.mark.parametrize(
    ("change", "param", "words"),
    [
        ({"tusk": 1}, "entries.0.tusk", "Extra inputs"),
        ({"context": 8}, "entries.0.context", ""),
        ({"languages": ["x"] * 30_000}, "entries.0", "more than 20,000 parts"),
        ({"publisher": "a\u0000b"}, None, "cannot be stored"),
        ({"successor": "nobody"}, "entries.0.successor", "has no 'nobody'"),
        ({"engine": {"pack": "nothing", "max_model_len": 8}}, "entries.0.engine.pack", "`a`: engine.pack"),
        ({"context": {"value": 10**18, "evidence": "listing", "source": "x"}}, "context", "`a`: context"),
    ],
)
def test_what_is_wrong_is_named(admin: TestClient, change: dict[str, Any], param: str | None, words: str) -> None:
    status, body = add(admin, raw_entry("a", **change))
    assert (status, body["error"]["param"]) == (400, param)
    assert words in body["error"]["message"]


def test_a_successor_stays_while_it_is_named(admin: TestClient) -> None:
    add(admin, raw_entry("new"), raw_entry("old", successor="new"))
    answer = admin.delete(f"{ENTRIES}/new")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "entry_needed")
    assert "'old'" in answer.json()["error"]["message"]
    assert admin.delete(f"{ENTRIES}/old").status_code == 200
    assert admin.delete(f"{ENTRIES}/new").status_code == 200


def test_only_an_admins_own_are_changed(admin: TestClient) -> None:
    assert admin.delete(f"{ENTRIES}/sails-guide").status_code == 404
    body = {"entry": raw_entry("sails-guide"), "overrides": True}
    assert admin.put(f"{ENTRIES}/sails-guide", json=body).status_code == 404
    assert admin.put(f"{ENTRIES}/other", json=body).json()["error"]["param"] == "entry.name"


def test_pages_cover_the_list_once(admin: TestClient) -> None:
    add(admin, *(raw_entry(f"m{number}") for number in range(7)))
    found: list[str] = []
    query: dict[str, Any] = {"limit": 2, "fits": True}
    while True:
        page = admin.get("/api/v1/catalogue", params=query).json()
        found += [item["id"] for item in page["data"]]
        assert all(item["fits"]["reason"] == "There are no nodes." for item in page["data"])
        if not page["has_more"]:
            break
        query["after"] = page["last_id"]
    assert found == list(listed(admin))
    assert len(found) == len(set(found))
    assert found[0].startswith("ernie-")


def test_an_import_takes_the_entry_that_counts(admin: TestClient) -> None:
    add(admin, raw_entry("sails-guide", publisher="mine"), overrides=True)
    answer = admin.post("/api/v1/imports", json={"name": "sails-guide"})
    assert answer.json()["error"]["code"] == "weights_not_local"
