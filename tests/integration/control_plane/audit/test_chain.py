"""The chain over real rows: what is changed or removed in SQL is found and named; parallel writers keep one chain."""

import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from control_plane.access.domain import SYSTEM
from control_plane.audit.chain import FIRST_HASH
from control_plane.audit.service import check_chain, record
from control_plane.database.session import SessionFactory, transaction


@pytest.fixture(autouse=True)
def whole_again(session_factory: SessionFactory) -> Iterator[None]:
    """Each test begins with an empty log and a chain that holds."""
    clear(session_factory)
    yield
    clear(session_factory)


def clear(factory: SessionFactory) -> None:
    run(factory, "DELETE FROM audit_entries")
    run(factory, f"UPDATE audit_head SET sequence = 0, hash = '{FIRST_HASH}'")  # noqa: S608


def run(factory: SessionFactory, statement: str) -> None:
    with transaction(factory) as session:
        session.execute(text(statement))


def write(factory: SessionFactory, count: int = 1) -> None:
    for number in range(count):
        with transaction(factory) as session:
            after = {"number": number, "ratio": 1e20, "name": "Ünïcode \u2028 text", "list": [1, None, True, 0.1]}
            record(session, SYSTEM, "test.write", f"target-{number}", after=after)


def faults(admin: TestClient) -> list[tuple[int, str]]:
    verdict = admin.get("/api/v1/audit/verify").json()
    assert verdict["holds"] is not bool(verdict["faults"])
    return [(fault["sequence"], fault["problem"]) for fault in verdict["faults"]]


def test_a_chain_of_real_rows_holds(session_factory: SessionFactory, admin: TestClient) -> None:
    write(session_factory, 5)
    verdict = admin.get("/api/v1/audit/verify").json()
    assert (verdict["holds"], verdict["entries"], verdict["head_sequence"]) == (True, 5, 5)


@pytest.mark.parametrize(
    "change",
    [
        "SET actor_name = 'nobody'",
        "SET after = jsonb_set(after, '{number}', '7')",
        "SET created_at = created_at - interval '1 microsecond'",
        "SET address = '10.0.0.1'",
        "SET before = '{}'",
    ],
)
def test_a_changed_row_is_named(session_factory: SessionFactory, admin: TestClient, change: str) -> None:
    write(session_factory, 5)
    run(session_factory, f"UPDATE audit_entries {change} WHERE sequence = 3")
    assert faults(admin) == [(3, "it was changed")]


@pytest.mark.parametrize(
    ("which", "named"),
    [
        ("= 1", (1, "it is missing")),
        ("= 3", (3, "it is missing")),
        ("BETWEEN 2 AND 4", (2, "the entries 2 to 4 are missing")),
        ("= 5", (5, "it is missing")),
        ("> 0", (1, "the entries 1 to 5 are missing")),
    ],
)
def test_a_removed_row_is_named(
    session_factory: SessionFactory, admin: TestClient, which: str, named: tuple[int, str]
) -> None:
    write(session_factory, 5)
    run(session_factory, f"DELETE FROM audit_entries WHERE sequence {which}")  # noqa: S608
    assert faults(admin) == [named]


def test_rows_of_the_version_before_are_taken_into_the_chain(
    session_factory: SessionFactory, admin: TestClient
) -> None:
    """It knows no chain: its rows come without a number."""
    run(
        session_factory,
        "INSERT INTO audit_entries (id, actor_kind, actor_name, action, target)"
        " VALUES (gen_random_uuid(), 'user', 'admin', 'key.create', 'key-1')",
    )
    write(session_factory)
    verdict = admin.get("/api/v1/audit/verify").json()
    assert (verdict["holds"], verdict["entries"]) == (True, 2)


def test_what_was_rolled_back_leaves_no_hole(session_factory: SessionFactory, admin: TestClient) -> None:
    write(session_factory)
    with session_factory() as session:
        record(session, SYSTEM, "test.write", "never")
        session.flush()
        session.rollback()
    write(session_factory)
    verdict = admin.get("/api/v1/audit/verify").json()
    assert (verdict["holds"], verdict["entries"]) == (True, 2)


def test_parallel_writers_make_one_chain(session_factory: SessionFactory, admin: TestClient) -> None:
    with ThreadPoolExecutor(5) as pool:
        list(pool.map(write, [session_factory] * 5, [6] * 5))
    verdict = admin.get("/api/v1/audit/verify").json()
    assert (verdict["holds"], verdict["entries"]) == (True, 30)


def test_the_export_can_be_checked_with_ten_lines(session_factory: SessionFactory, admin: TestClient) -> None:
    write(session_factory, 3)
    answer = admin.get("/api/v1/audit/export")
    assert answer.headers["content-type"] == "application/x-ndjson"
    last = FIRST_HASH
    for line in answer.content.splitlines():
        entry = json.loads(line)
        said = entry.pop("hash")
        spelt = json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert entry["previous_hash"] == last
        assert hashlib.sha256(spelt.encode()).hexdigest() == said
        last = said
    assert last == admin.get("/api/v1/audit/verify").json()["head_hash"]
    rest = admin.get("/api/v1/audit/export", params={"after_sequence": 2}).content.splitlines()
    assert [json.loads(line)["sequence"] for line in rest] == [3]


def test_many_entries_are_read_in_batches(session_factory: SessionFactory) -> None:
    with transaction(session_factory) as session:
        for number in range(2500):
            record(session, SYSTEM, "test.write", f"target-{number}")
    with transaction(session_factory) as session:
        assert check_chain(session).entries == 2500
