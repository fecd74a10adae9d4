"""`jobs`: take back jobs whose worker fell silent, and publish a message for every queued job that has none."""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from appliance.base.settings import JobSettings
from control_plane.database.session import SessionFactory, transaction
from control_plane.jobs import repository
from control_plane.jobs.leases import sweep_expired


class JobQueue(Protocol):
    """Where messages go. Losing them is harmless."""

    def publish(self, job_id: UUID, *, attempt: int) -> None: ...

    def waiting(self) -> int:
        """Messages that no worker has taken yet."""
        ...


@dataclass(frozen=True)
class JobsReconciler:
    factory: SessionFactory
    queue: JobQueue
    settings: JobSettings
    interval_seconds: float
    name: str = "jobs"

    def run(self) -> int:
        """The backlog is the number of jobs that have not ended."""
        with transaction(self.factory) as session:
            sweep_expired(session, max_attempts=self.settings.max_attempts, backoff_base=self.settings.backoff_seconds)
        for job_id, attempt in self.due():
            self.queue.publish(job_id, attempt=attempt)
            with transaction(self.factory) as session:
                repository.mark_dispatched(session, job_id, attempt=attempt)
        with transaction(self.factory) as session:
            return repository.count_unfinished(session)

    def due(self) -> list[tuple[UUID, int]]:
        """Jobs never published, and, while the queue is empty, those published long ago: their message was lost.

        A queue that still holds messages may hold theirs; publishing again then would only pile up duplicates.
        """
        with transaction(self.factory) as session:
            if repository.count_unfinished(session) == 0:
                return []
        lost_after = self.settings.republish_seconds if self.queue.waiting() == 0 else None
        with transaction(self.factory) as session:
            jobs = repository.due_for_dispatch(session, republish_after_seconds=lost_after)
            return [(job.id, job.attempt) for job in jobs]
