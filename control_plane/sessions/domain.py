"""Passwords and lock-out, without a database: argon2id by `argon2-cffi`, times passed in."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from appliance.base.errors import BadRequest
from appliance.base.ids import new_secret

SESSION_LIFETIME = timedelta(hours=12)
SHORTEST_PASSWORD = 12
ONE_TIME_BYTES = 15

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


@dataclass(frozen=True)
class LockRule:
    """After `free_tries` wrong logins in a row each further one locks: 15 s, doubling, at most `longest`. A row ends by
    a right login (`by_success`), or when nothing was tried for `forgotten_after`.

    Short at first: whoever knows the admin's name must not be able to keep the admin out for long. An address is not
    freed by one right login, or an attacker with an account of their own could free it at will.
    """

    free_tries: int
    longest: timedelta
    by_success: bool
    forgotten_after: timedelta = timedelta(hours=1)

    def lock_after(self, failed_count: int, now: datetime) -> datetime | None:
        """Until when; None where tries are still free."""
        excess = failed_count - self.free_tries
        if excess < 0:
            return None
        return now + min(LOCK_STEP * 2 ** min(excess, 10), self.longest)


LOCK_STEP = timedelta(seconds=15)
OF_A_NAME = LockRule(free_tries=5, longest=timedelta(minutes=15), by_success=True)
OF_AN_ADDRESS = LockRule(free_tries=30, longest=timedelta(minutes=5), by_success=False)


def check_new_password(password: str, *, name: str, old: str | None = None) -> None:
    """Long and new is all that is asked (NIST SP 800-63B, 3.1.1.2, advises against rules of composition)."""
    if len(password) < SHORTEST_PASSWORD:
        raise BadRequest(
            f"The new password is shorter than {SHORTEST_PASSWORD} characters.",
            param="new_password",
            code="weak_password",
        )
    if password == old or name.lower() in (password.lower(), password.lower()[::-1]) or len(set(password)) < 4:
        raise BadRequest(
            "The new password is the old one, the name, or a few characters repeated.",
            param="new_password",
            code="weak_password",
        )


def one_time_password() -> str:
    """120 bits that a person can pass on; changed at the first login."""
    return new_secret(ONE_TIME_BYTES)
