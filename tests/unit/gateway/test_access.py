"""Keys from headers, and what a key may use."""

import hashlib

import pytest

from appliance.base.contracts.snapshot import Snapshot, SnapshotKey, SnapshotModel
from appliance.base.errors import Forbidden, ModelNotFound, Unauthenticated
from appliance.gateway.access import authenticate, find_model, find_secret, visible_models
from appliance.gateway.snapshot_file import Directory, index


def key(secret: str, **changes: object) -> SnapshotKey:
    fields = {"key_id": secret, "digest": hashlib.sha256(secret.encode()).hexdigest(), "project_id": "p1", **changes}
    return SnapshotKey.model_validate(fields)


def model(name: str, project_id: str | None = None) -> SnapshotModel:
    return SnapshotModel(
        name=name, served_model_id=name, project_id=project_id, task="chat", max_model_len=8, owned_by="x", created=1
    )


@pytest.fixture
def directory() -> Directory:
    keys = (key("open"), key("narrow", allowed_models=("b",)), key("old", expires_at=10.0))
    return index(Snapshot(version=1, keys=keys, models=(model("a"), model("b"), model("theirs", "p2"))))


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([(b"authorization", b"Bearer abc")], "abc"),
        ([(b"authorization", b"bearer  abc ")], "abc"),
        ([(b"x-api-key", b"abc")], "abc"),
        ([(b"x-api-key", b"second"), (b"authorization", b"Bearer first")], "first"),
        ([(b"authorization", b"Basic abc")], None),
        ([(b"authorization", b"Bearer ")], None),
        ([], None),
    ],
)
def test_where_a_key_is_found(headers: list[tuple[bytes, bytes]], expected: str | None) -> None:
    assert find_secret(headers) == expected


def test_only_a_live_key_passes(directory: Directory) -> None:
    assert authenticate(directory, secret="open", now=5.0).key_id == "open"
    assert authenticate(directory, secret="old", now=5.0).key_id == "old"
    for secret, now in [("old", 10.0), ("unknown", 5.0), ("", 5.0), (None, 5.0), ("\udcff", 5.0), ("x" * 10_000, 5.0)]:
        with pytest.raises(Unauthenticated):
            authenticate(directory, secret=secret, now=now)


def test_a_key_sees_its_projects_and_its_list(directory: Directory) -> None:
    open_key, narrow = key("open"), key("narrow", allowed_models=("b",))
    assert [each.name for each in visible_models(directory, key=open_key)] == ["a", "b"]
    assert [each.name for each in visible_models(directory, key=narrow)] == ["b"]
    with pytest.raises(ModelNotFound):
        find_model(directory, name="theirs", key=open_key)
    with pytest.raises(Forbidden):
        find_model(directory, name="a", key=narrow)
