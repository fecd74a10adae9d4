"""Queries of the reconcilers themselves: their status rows and the leader's lock."""

from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from control_plane.reconcilers.tables import ReconcilerStatus

ADVISORY_LOCK = 7_405_882_912
"""Any fixed number; `migrate` has its own."""


def put_status(session: Session, name: str, values: dict[str, Any]) -> None:
    statement = insert(ReconcilerStatus).values(name=name, **values)
    session.execute(statement.on_conflict_do_update(index_elements=["name"], set_=values))


def try_to_lead(connection: Connection) -> bool:
    """Take the lock for as long as `connection` lives, or say that another has it."""
    return bool(connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": ADVISORY_LOCK}))


def ask_for_life(connection: Connection) -> None:
    connection.execute(text("SELECT 1"))
