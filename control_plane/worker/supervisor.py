"""What the Celery task does: claim, watch, renew, and end a job's process as the row says."""

import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from appliance.base import clock
from appliance.base.logs import get_logger
from appliance.base.settings import JobSettings
from control_plane.database.session import SessionFactory, transaction
from control_plane.jobs import leases
from control_plane.jobs.domain import SPEC_FORMAT, Claim, JobKind, Renewal
from control_plane.worker.process import JobProcess
from control_plane.worker.stop_pipe import StopPipe

log = get_logger(__name__)

WATCH_SECONDS = 2.0
"""A cancel is seen within this time, also where heartbeats are rarer."""

ResultT = TypeVar("ResultT")


class LeaseLost(Exception):
    """The row is no longer ours, or the database was away for as long as the lease lasts."""


@dataclass(frozen=True)
class Supervisor:
    """Runs jobs one at a time. `publish` hurries reconcilers after a commit; `environ` is for the job's process."""

    factory: SessionFactory
    kinds: Mapping[str, JobKind]
    settings: JobSettings
    stop: StopPipe
    environ: Mapping[str, str]
    publish: Callable[[str], None]

    def run(self, job_id: UUID, *, attempt: int) -> None:
        """One delivery of a message; returns when the row says how it went, or that it was none of ours."""
        with transaction(self.factory, publish=self.publish) as session:
            claim = leases.claim(
                session, job_id, attempt=attempt, owner=owner_name(), lease_seconds=self.settings.lease_seconds
            )
        if claim is None:
            log.info("job_message_was_dropped", job_id=str(job_id), attempt=attempt)
            return
        log.info("job_claimed", job_id=str(job_id), attempt=attempt, kind=claim.kind, fence=claim.fence)
        kind = self.kinds.get(claim.kind)
        if kind is None or claim.spec_format > SPEC_FORMAT:
            self.fail(claim, code="unknown_job", message=f"This version cannot run a job {claim.kind!r}.")
            return
        Watch(self, claim, kind).run()

    def fail(self, claim: Claim, *, code: str, message: str) -> None:
        error = {"code": code, "message": message, "hint": "Use the newer version that submitted it."}
        with transaction(self.factory, publish=self.publish) as session:
            leases.fail(session, claim, error=error)


class Watch:
    """One claimed job from start to end. The lease's deadline is counted on our own monotonic clock from before each
    renewal.
    """

    def __init__(self, supervisor: Supervisor, claim: Claim, kind: JobKind) -> None:
        self.supervisor = supervisor
        self.settings = supervisor.settings
        self.claim = claim
        self.kind = kind
        self.deadline = clock.monotonic() + self.settings.lease_seconds
        self.watch_seconds = min(self.settings.heartbeat_seconds, WATCH_SECONDS)

    def run(self) -> None:
        process = JobProcess(self.kind.module, spec=self.claim.spec, environ=self.supervisor.environ)
        log.info("job_process_started", job_id=str(self.claim.job_id), pid=process.pid)
        cancelled = False
        try:
            cancelled = self.watch(process)
        except LeaseLost:
            log.warning("job_lease_was_lost", job_id=str(self.claim.job_id))
            return
        finally:
            status = process.end()
        self.conclude(process, status=status, cancelled=cancelled)

    def watch(self, process: JobProcess) -> bool:
        """Until the process ends, we are told to stop (False) or the job is cancelled (True); raises LeaseLost."""
        stop = self.supervisor.stop
        while process.wait_for_report(seconds=self.watch_seconds, also=stop.reader):
            if stop.requested():
                return False
            renewal = self.renew(process)
            if not renewal.held:
                raise LeaseLost
            if renewal.cancel_requested:
                return True
        return False

    def renew(self, process: JobProcess) -> Renewal:
        """A database that is away is waited for as long as the lease lasts, for the job's work goes on without it."""
        asked_at = clock.monotonic()
        try:
            with transaction(self.supervisor.factory) as session:
                renewal = leases.renew(
                    session, self.claim, lease_seconds=self.settings.lease_seconds, progress=process.progress
                )
        except DBAPIError as error:
            log.warning("job_lease_renewal_failed", job_id=str(self.claim.job_id), reason=str(error.orig))
            self.raise_when_late()
            return Renewal(held=True)
        self.deadline = asked_at + self.settings.lease_seconds
        return renewal

    def raise_when_late(self) -> None:
        if clock.monotonic() >= self.deadline:
            raise LeaseLost

    def conclude(self, process: JobProcess, *, status: int, cancelled: bool) -> None:
        """Write the end down; while the database is away, try until the lease would be over anyway."""
        step = self.decide(process, status=status, cancelled=cancelled)
        while True:
            try:
                with transaction(self.supervisor.factory, publish=self.supervisor.publish) as session:
                    written = step(session)
                break
            except DBAPIError as error:
                log.warning("job_end_was_not_written", job_id=str(self.claim.job_id), reason=str(error.orig))
                if clock.monotonic() >= self.deadline:
                    return
                self.supervisor.stop.wait(1.0)
        log.info("job_attempt_ended", job_id=str(self.claim.job_id), exit_status=status, written=written)

    def decide(self, process: JobProcess, *, status: int, cancelled: bool) -> Callable[[Session], bool]:
        """Which transition the row makes; a result that came before the cancel still counts."""
        claim, settings = self.claim, self.settings
        if process.result is not None:
            result = process.result
            return lambda session: leases.succeed(session, claim, kind=self.kind, result=result)
        if process.error is not None:
            error = process.error
            return lambda session: leases.fail(session, claim, error=error)
        if cancelled:
            return lambda session: leases.confirm_cancel(session, claim)
        if self.supervisor.stop.requested():
            return lambda session: leases.release(session, claim)
        return lambda session: leases.give_up_attempt(
            session,
            claim,
            reason=f"its process ended with status {status}",
            max_attempts=settings.max_attempts,
            backoff_base=settings.backoff_seconds,
        )


def owner_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"
