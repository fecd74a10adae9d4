"""Passwords and lock-out."""

from datetime import UTC, datetime, timedelta

import pytest

from control_plane.sessions.domain import FREE_TRIES, LONGEST_LOCK, hash_password, lock_after, password_matches

NOW = datetime(2026, 1, 1, tzinfo=UTC)


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
        (FREE_TRIES - 1, None),
        (FREE_TRIES, timedelta(seconds=15)),
        (FREE_TRIES + 1, timedelta(seconds=30)),
        (FREE_TRIES + 1_000_000, LONGEST_LOCK),
    ],
)
def test_the_lock_grows_and_has_an_end(failed: int, locked: timedelta | None) -> None:
    until = lock_after(failed, NOW)
    assert until == (NOW + locked if locked else None)
