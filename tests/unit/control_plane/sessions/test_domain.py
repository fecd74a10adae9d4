"""Passwords and lock-out."""

from datetime import UTC, datetime, timedelta

import pytest

from appliance.base.errors import BadRequest
from control_plane.sessions.domain import (
    OF_A_NAME,
    OF_AN_ADDRESS,
    check_new_password,
    hash_password,
    one_time_password,
    password_matches,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FREE = OF_A_NAME.free_tries


def test_a_password_matches_its_own_hash_only() -> None:
    stored = hash_password("correct horse")
    assert stored.startswith("$argon2id$")
    assert password_matches(stored, "correct horse")
    assert not password_matches(stored, "correct horse ")
    assert not password_matches(None, "correct horse")


@pytest.mark.parametrize(
    ("failed", "locked"),
    [
        (0, None),
        (FREE - 1, None),
        (FREE, timedelta(seconds=15)),
        (FREE + 1, timedelta(seconds=30)),
        (FREE + 1_000_000, OF_A_NAME.longest),
    ],
)
def test_the_lock_grows_and_has_an_end(failed: int, locked: timedelta | None) -> None:
    until = OF_A_NAME.lock_after(failed, NOW)
    assert until == (NOW + locked if locked else None)


def test_an_address_has_more_tries_and_is_not_freed_by_one_right_login() -> None:
    assert OF_AN_ADDRESS.free_tries > OF_A_NAME.free_tries
    assert OF_A_NAME.by_success
    assert not OF_AN_ADDRESS.by_success


@pytest.mark.parametrize("password", ["short", "aaaaaaaaaaaaaa", "ababababababab", "correct horse", "annabelle.smith"])
def test_weak_passwords_are_refused(password: str) -> None:
    with pytest.raises(BadRequest) as caught:
        check_new_password(password, name="Annabelle.Smith", old="correct horse")
    assert caught.value.error_code == "weak_password"


def test_long_ones_pass_and_one_time_passwords_do_too() -> None:
    check_new_password("four unrelated plain words", name="anna", old="correct horse")
    made = one_time_password()
    check_new_password(made, name="anna")
    assert made != one_time_password()
