"""Write down what each reconciler last did, so that `appliance status` can say what is wrong."""

import os
import socket
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from appliance.base import clock
from appliance.base.logs import get_logger
from control_plane.database.session import SessionFactory, transaction
from control_plane.reconcilers import repository

log = get_logger(__name__)

SAME_OUTCOME_SECONDS = 5.0
"""A reconciler that runs every second with one outcome writes its row this often only."""


@dataclass(frozen=True)
class Outcome:
    """`error` None: it went well, and `backlog` counts what is still open."""

    backlog: int
    duration_seconds: float
    error: str | None = None


class StatusRow:
    """The row of one reconciler. A database that is away costs the row's freshness and nothing else."""

    def __init__(self, factory: SessionFactory, *, name: str) -> None:
        self.factory = factory
        self.name = name
        self.written: tuple[str | None, int] | None = None
        self.written_at = 0.0

    def record(self, outcome: Outcome) -> None:
        gist = (outcome.error, outcome.backlog)
        if gist == self.written and clock.monotonic() - self.written_at < SAME_OUTCOME_SECONDS:
            return
        try:
            self.write(outcome)
        except SQLAlchemyError as error:
            log.warning("reconciler_status_was_not_written", reconciler=self.name, reason=type(error).__name__)
            return
        self.written, self.written_at = gist, clock.monotonic()

    def write(self, outcome: Outcome) -> None:
        now = clock.now()
        values: dict[str, Any] = {
            "last_run_at": now,
            "last_error": outcome.error,
            "backlog": outcome.backlog,
            "duration_seconds": round(outcome.duration_seconds, 4),
            "holder": f"{socket.gethostname()}:{os.getpid()}",
            "updated_at": now,
        }
        if outcome.error is None:
            values["last_success_at"] = now
        with transaction(self.factory) as session:
            repository.put_status(session, self.name, values)
