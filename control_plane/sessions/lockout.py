"""Wrong logins are counted by name and by address, in PostgreSQL: the API's processes share the count, and it outlives
a restart, which Redis need not.

A name is counted whether anybody has it or not, so being locked out tells nothing about who is there.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from appliance.base import clock
from appliance.base.errors import RateLimited
from appliance.base.networks import neighbourhood
from control_plane.access.domain import Credentials
from control_plane.sessions import repository
from control_plane.sessions.domain import OF_A_NAME, OF_AN_ADDRESS, LockRule, digest
from control_plane.sessions.tables import LoginFailure, Tried

RULES: dict[Tried, LockRule] = {Tried.NAME: OF_A_NAME, Tried.ADDRESS: OF_AN_ADDRESS}


class LoginLocked(RateLimited):
    code = "login_locked"


def locked_counts(session: Session, credentials: Credentials, login: str) -> list[LoginFailure]:
    """The two rows, locked until the transaction ends, so that parallel tries are counted one by one; always in this
    order, so that two logins cannot wait for each other. Raises LoginLocked.
    """
    now = clock.now()
    subjects = [(Tried.NAME, login.strip().lower())]
    if credentials.address:
        subjects.append((Tried.ADDRESS, neighbourhood(credentials.address)))
    rows = [repository.locked_failures(session, tried, digest(subject), at=now) for tried, subject in subjects]
    refuse_while_locked(rows, now)
    return rows


def refuse_while_locked(rows: list[LoginFailure], now: datetime) -> None:
    wait = max(((row.locked_until - now).total_seconds() for row in rows if row.locked_until), default=0.0)
    if wait > 0:
        raise LoginLocked(
            "Too many wrong passwords; logging in is locked for a while.",
            hint=f"Try again in {int(wait) + 1} s.",
            retry_after_seconds=wait,
        )


def count_failure(session: Session, rows: list[LoginFailure]) -> int:
    """How often this name was wrong in a row, this time included."""
    now = clock.now()
    for row in rows:
        rule = RULES[row.tried]
        row.failed_count = 1 if now - row.failed_at > rule.forgotten_after else row.failed_count + 1
        row.failed_at, row.locked_until = now, rule.lock_after(row.failed_count, now)
    repository.forget_failures(session, before=now - max(rule.forgotten_after for rule in RULES.values()))
    return rows[0].failed_count


def forget_failures(rows: list[LoginFailure]) -> None:
    for row in rows:
        if RULES[row.tried].by_success:
            row.failed_count, row.locked_until = 0, None
