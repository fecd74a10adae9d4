"""Ids, errors, atomic files, secrets and the environment of children."""

from pathlib import Path

import pytest

from appliance.base.child_env import child_env, engine_env
from appliance.base.errors import ApplianceError, ContextTooLong, SetupError, Unavailable
from appliance.base.files import write_atomically
from appliance.base.ids import new_uuid, parse_public_id, public_id
from appliance.base.paths import Home
from appliance.base.secret_files import Secret, ensure_secret, read_secret


def test_uuids_sort_by_time() -> None:
    made = [new_uuid() for _ in range(200)]
    assert made == sorted(made)
    assert {key.version for key in made} == {7}


def test_public_ids_come_back() -> None:
    key = new_uuid()
    assert parse_public_id("job", public_id("job", key)) == key


@pytest.mark.parametrize("text", ["", "job", "job-", "key-" + "0" * 32, "job-" + "z" * 32, "job-" + "0" * 31])
def test_what_is_no_public_id_is_none(text: str) -> None:
    assert parse_public_id("job", text) is None


def test_the_envelope_has_openais_four_keys_and_the_hint() -> None:
    body = ContextTooLong("Too long.", hint="Shorten it.", param="messages").envelope()["error"]
    assert body == {
        "message": "Too long. Shorten it.",
        "type": "invalid_request_error",
        "param": "messages",
        "code": "context_length_exceeded",
    }


def test_every_error_has_a_code_and_a_status() -> None:
    def tree(root: type[ApplianceError]) -> list[type[ApplianceError]]:
        return [root, *(leaf for child in root.__subclasses__() for leaf in tree(child))]

    assert all(error.code and 400 <= error.status < 600 for error in tree(ApplianceError))
    assert Unavailable("x", retry_after_seconds=2).retry_after_seconds == 2


def test_an_atomic_write_replaces_and_sets_the_mode(tmp_path: Path) -> None:
    path = tmp_path / "f"
    write_atomically(path, b"one")
    write_atomically(path, b"two", mode=0o640)
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o640
    assert [entry.name for entry in tmp_path.iterdir()] == ["f"]


def test_a_secret_is_made_once(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.secrets.mkdir()
    first = ensure_secret(home, Secret.ADMIN_PASSWORD)
    assert ensure_secret(home, Secret.ADMIN_PASSWORD) == first
    assert len(first) >= 40
    assert (home.secrets / "admin_password").stat().st_mode & 0o777 == 0o600


def test_a_missing_secret_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SetupError) as caught:
        read_secret(Home(tmp_path), Secret.RAY_TOKEN)
    assert caught.value.hint
    assert "appliance up" in caught.value.hint


def test_children_get_an_allow_list_and_are_quiet() -> None:
    parent = {"PATH": "/bin", "OMP_NUM_THREADS": "1", "RAY_X": "1", "APPLIANCE_HOME": "/h", "AWS_SECRET": "s"}
    child = child_env({"A": "b"}, environ=parent)
    assert child["APPLIANCE_HOME"] == "/h"
    assert child["A"] == "b"
    assert child["HF_HUB_OFFLINE"] == "1"
    assert not {"OMP_NUM_THREADS", "RAY_X", "AWS_SECRET"} & child.keys()
    assert not {"APPLIANCE_HOME", "RAY_X"} & engine_env({}, environ=parent).keys()
