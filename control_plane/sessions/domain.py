"""Passwords and lock-out, without a database: argon2id by `argon2-cffi`, times passed in."""

import hashlib
from datetime import datetime, timedelta
from functools import cache
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from appliance.base.ids import new_secret

SESSION_LIFETIME = timedelta(hours=12)
FREE_TRIES = 5
LOCK_STEP = timedelta(seconds=15)
LONGEST_LOCK = timedelta(minutes=15)

hasher = PasswordHasher()
"""The library's defaults are RFC 9106's second recommendation: 64 MiB, 3 passes, 4 lanes."""

verifications = BoundedSemaphore(2)
"""Each takes 64 MiB: a flood of logins must wait, not fill the memory."""


@cache
def nobodys_hash() -> str:
    """Verified where the user is unknown, so that the time of the answer does not tell."""
    return hasher.hash(new_secret())


def digest(token: str) -> str:
    """SHA-256, hexadecimal: enough for random secrets of 256 bits."""
    return hashlib.sha256(token.encode()).hexdigest()


def hash_password(password: str) -> str:
    return hasher.hash(password)


def password_matches(password_hash: str | None, password: str) -> bool:
    """False as slowly for an unknown user (None) as for a wrong password."""
    with verifications:
        try:
            return hasher.verify(password_hash or nobodys_hash(), password) and password_hash is not None
        except VerificationError:
            return False


def lock_after(failed_count: int, now: datetime) -> datetime | None:
    """Until when a login is locked after so many wrong tries in a row: 15 s, doubling, at most 15 min.

    Short at first: whoever knows the admin's name must not be able to keep the admin out for long.
    """
    excess = failed_count - FREE_TRIES
    if excess < 0:
        return None
    return now + min(LOCK_STEP * 2 ** min(excess, 10), LONGEST_LOCK)
