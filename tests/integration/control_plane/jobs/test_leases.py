"""The fence: whatever a worker of an older claim writes has no effect."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from appliance.base.errors import Conflict
from appliance.base.ids import public_id
from control_plane.access.domain import SYSTEM
from control_plane.database.session import SessionFactory, transaction
from control_plane.jobs import leases, repository, service
from control_plane.jobs.domain import Claim, JobKind
from control_plane.jobs.tables import Job, JobState
from control_plane.tenants.service import ensure_default_tenant

LEASE = 60.0


class Results:
    """A kind whose results can be counted."""

    def __init__(self) -> None:
        self.kept: list[dict[str, Any]] = []
        self.kind = JobKind("counted", module="none", complete=self.complete)

    def complete(self, session: Session, job_id: UUID, result: dict[str, Any]) -> None:
        self.kept.append(result)


@pytest.fixture
def job_id(session_factory: SessionFactory) -> UUID:
    with transaction(session_factory) as session:
        project, _ = ensure_default_tenant(session)
        return service.submit(session, kind="counted", spec={}, project_id=project.id).id


def claim(factory: SessionFactory, job_id: UUID, *, attempt: int = 1) -> Claim | None:
    with transaction(factory) as session:
        return leases.claim(session, job_id, attempt=attempt, owner="a worker", lease_seconds=LEASE)


def must_claim(factory: SessionFactory, job_id: UUID, *, attempt: int = 1) -> Claim:
    held = claim(factory, job_id, attempt=attempt)
    assert held is not None
    return held


def expire(factory: SessionFactory, job_id: UUID) -> None:
    with transaction(factory) as session:
        session.execute(
            text("UPDATE jobs SET lease_expires_at = now() - interval '1 second' WHERE id = :id"), {"id": job_id}
        )


def sweep(factory: SessionFactory) -> int:
    with transaction(factory) as session:
        return leases.sweep_expired(session, max_attempts=2, backoff_base=0.0)


def read(factory: SessionFactory, job_id: UUID) -> Job:
    with transaction(factory) as session:
        job = repository.job_by_id(session, job_id)
        assert job is not None
        return job


def test_only_one_claims(session_factory: SessionFactory, job_id: UUID) -> None:
    assert claim(session_factory, job_id) is not None
    assert claim(session_factory, job_id) is None
    assert claim(session_factory, job_id, attempt=2) is None


def test_a_zombie_can_neither_renew_nor_finish_nor_release(session_factory: SessionFactory, job_id: UUID) -> None:
    zombie = must_claim(session_factory, job_id)
    expire(session_factory, job_id)
    assert sweep(session_factory) == 1
    owner = must_claim(session_factory, job_id, attempt=2)
    results = Results()
    writes: list[Callable[[Session], bool]] = [
        lambda session: leases.renew(session, zombie, lease_seconds=LEASE, progress={"z": 1}).held,
        lambda session: leases.succeed(session, zombie, kind=results.kind, result={}),
        lambda session: leases.fail(session, zombie, error={}),
        lambda session: leases.release(session, zombie),
        lambda session: leases.confirm_cancel(session, zombie),
    ]
    for write in writes:
        with transaction(session_factory) as session:
            assert write(session) is False
    with transaction(session_factory) as session:
        assert leases.succeed(session, owner, kind=results.kind, result={"by": "owner"})
    assert results.kept == [{"by": "owner"}]
    assert read(session_factory, job_id).progress is None


def test_an_expired_lease_cannot_be_renewed_even_before_the_sweep(
    session_factory: SessionFactory, job_id: UUID
) -> None:
    held = must_claim(session_factory, job_id)
    expire(session_factory, job_id)
    with transaction(session_factory) as session:
        assert not leases.renew(session, held, lease_seconds=LEASE, progress=None).held


def test_the_sweep_gives_up_after_the_last_attempt(session_factory: SessionFactory, job_id: UUID) -> None:
    for attempt in (1, 2):
        must_claim(session_factory, job_id, attempt=attempt)
        expire(session_factory, job_id)
        sweep(session_factory)
    job = read(session_factory, job_id)
    assert job.state is JobState.FAILED
    assert job.error is not None
    assert job.error["code"] == "worker_lost"


def test_a_cancel_that_the_worker_never_saw_is_done_by_the_sweep(session_factory: SessionFactory, job_id: UUID) -> None:
    must_claim(session_factory, job_id)
    with transaction(session_factory) as session:
        service.request_cancel(session, SYSTEM, public_id("job", job_id))
    expire(session_factory, job_id)
    sweep(session_factory)
    assert read(session_factory, job_id).state is JobState.CANCELLED


def test_a_queued_job_is_cancelled_at_once_and_an_ended_one_not_at_all(
    session_factory: SessionFactory, job_id: UUID
) -> None:
    with transaction(session_factory) as session:
        assert service.request_cancel(session, SYSTEM, public_id("job", job_id)).state is JobState.CANCELLED
        assert service.request_cancel(session, SYSTEM, public_id("job", job_id)).state is JobState.CANCELLED
    assert claim(session_factory, job_id) is None
    with transaction(session_factory) as session:
        project, _ = ensure_default_tenant(session)
        done = service.submit(session, kind="counted", spec={}, project_id=project.id)
        done.state = JobState.SUCCEEDED
        session.flush()
        with pytest.raises(Conflict):
            service.request_cancel(session, SYSTEM, public_id("job", done.id))


def test_one_idempotency_key_makes_one_job(session_factory: SessionFactory) -> None:
    with transaction(session_factory) as session:
        project, _ = ensure_default_tenant(session)
        first = service.submit(session, kind="counted", spec={}, project_id=project.id, idempotency_key="once")
        again = service.submit(session, kind="counted", spec={}, project_id=project.id, idempotency_key="once")
        assert first.id == again.id


def test_a_result_and_the_end_of_its_job_are_written_both_or_neither(
    session_factory: SessionFactory, job_id: UUID
) -> None:
    held = must_claim(session_factory, job_id)

    def explode(*_: object) -> None:
        raise RuntimeError("the result does not fit")

    kind = JobKind("counted", module="none", complete=explode)
    with pytest.raises(RuntimeError), transaction(session_factory) as session:
        leases.succeed(session, held, kind=kind, result={})
    assert read(session_factory, job_id).state is JobState.RUNNING
