"""Many jobs while something dies every half second; then the history of each is checked.

Every accepted job ends; it is published once or not at all; no two runs of it overlap; its steps only go forward.
"""

import random
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from pathlib import Path
from uuid import UUID

import psutil
import pytest
from sqlalchemy import text

from control_plane.database.session import transaction
from control_plane.jobs import repository, service
from control_plane.jobs.tables import TERMINAL, Job, JobEvent, JobEventKind, JobState
from control_plane.tenants.service import ensure_default_tenant
from tests.fixtures.redis import RedisServer
from tests.fixtures.waiting import wait_until
from tests.fixtures.workers import JOBS, JobBench, kill_tree

STEPS = 10
WORKERS = 2
BETWEEN_BLOWS_SECONDS = (0.3, 1.2)
NEXT = {
    JobEventKind.SUBMITTED: {JobEventKind.CLAIMED},
    JobEventKind.CLAIMED: {JobEventKind.SUCCEEDED, JobEventKind.LOST, JobEventKind.RELEASED},
    JobEventKind.LOST: {JobEventKind.CLAIMED, JobEventKind.FAILED},
    JobEventKind.RELEASED: {JobEventKind.CLAIMED},
}
LAST = {JobEventKind.SUCCEEDED, JobEventKind.FAILED, JobEventKind.CANCELLED}


@dataclass
class Killer:
    """Ends something at random; what it did is counted by kind. The same seed makes the same choices."""

    bench: JobBench
    redis_server: RedisServer
    chance: random.Random
    done: dict[str, int] = field(default_factory=dict[str, int])
    due: float = 0.0

    def strike_when_due(self) -> None:
        now = time.monotonic()
        if now > self.due:
            self.due = now + self.chance.uniform(*BETWEEN_BLOWS_SECONDS)
            self.strike()

    def strike(self) -> None:
        self._keep_workers()
        blow = self.chance.choice([self.job_process, self.supervisor, self.worker, self.worker_politely, self.redis])
        blow()
        self.done[blow.__name__] = self.done.get(blow.__name__, 0) + 1

    def job_process(self) -> None:
        self._kill_one([child for child in self._children() if is_job(child)])

    def supervisor(self) -> None:
        self._kill_one([child for child in self._children() if not is_job(child)])

    def worker(self) -> None:
        kill_tree(self.chance.choice(self._alive()))

    def worker_politely(self) -> None:
        self.chance.choice(self._alive()).terminate()

    def redis(self) -> None:
        self.redis_server.restart_empty()

    def _alive(self) -> list[subprocess.Popen[bytes]]:
        return [worker for worker in self.bench.workers if worker.poll() is None]

    def _keep_workers(self) -> None:
        """As the appliance's supervisor does."""
        for _ in range(WORKERS - len(self._alive())):
            self.bench.start_worker()

    def _children(self) -> list[psutil.Process]:
        found: list[psutil.Process] = []
        for worker in self._alive():
            with suppress(psutil.NoSuchProcess):
                found += psutil.Process(worker.pid).children(recursive=True)
        return found

    def _kill_one(self, processes: Sequence[psutil.Process]) -> None:
        with suppress(psutil.NoSuchProcess):
            if processes:
                self.chance.choice(processes).kill()


def is_job(process: psutil.Process) -> bool:
    try:
        return "tests.fixtures.stepping_job" in process.cmdline()
    except psutil.NoSuchProcess:
        return False


def submit(bench: JobBench, folder: Path) -> UUID:
    folder.mkdir()
    with transaction(bench.factory) as session:
        project, _ = ensure_default_tenant(session)
        spec = {"steps": STEPS, "folder": str(folder)}
        return service.submit(session, kind="stepping", spec=spec, project_id=project.id).id


def unfinished(bench: JobBench, jobs: Iterable[UUID]) -> int:
    with transaction(bench.factory) as session:
        found = [repository.job_by_id(session, job_id) for job_id in jobs]
        return sum(1 for job in found if job is None or job.state not in TERMINAL)


@pytest.fixture
def published(job_bench: JobBench) -> Iterator[Callable[[], list[UUID]]]:
    """What the jobs have published so far, as the table has it: nothing there refuses a second row."""
    with transaction(job_bench.factory) as session:
        session.execute(text("CREATE TABLE published (job_id uuid, steps int)"))

    def read() -> list[UUID]:
        with transaction(job_bench.factory) as session:
            return list(session.scalars(text("SELECT job_id FROM published")))

    yield read
    with transaction(job_bench.factory) as session:
        session.execute(text("DROP TABLE published"))


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("count", [15, pytest.param(200, marks=pytest.mark.long)])
def test_every_job_ends_once_whatever_dies(
    job_bench: JobBench,
    redis_server: RedisServer,
    published: Callable[[], list[UUID]],
    tmp_path: Path,
    count: int,
    record_property: Callable[[str, object], None],
) -> None:
    folders = {submit(job_bench, folder): folder for folder in (tmp_path / f"job-{n}" for n in range(count))}
    killer = Killer(job_bench, redis_server, random.Random(count))  # noqa: S311  the same each time, on purpose

    def all_ended() -> bool:
        job_bench.reconciler.run()
        killer.strike_when_due()
        return unfinished(job_bench, folders) == 0

    wait_until(all_ended, seconds=90 + 5 * count, what=lambda: f"all jobs ended; {killer.done}", every=0.1)
    record_property("blows", killer.done)

    succeeded: set[UUID] = set()
    for job_id, folder in folders.items():
        job = job_bench.job(job_id)
        with transaction(job_bench.factory) as session:
            check_events(repository.events_of(session, job_id))
        check_steps(folder)
        if job.state is JobState.SUCCEEDED:
            succeeded.add(job_id)
            assert int((folder / "checkpoint").read_text()) == STEPS
        else:
            check_given_up(job)
    assert sorted(published()) == sorted(succeeded)
    assert len(succeeded) > count / 2, "the rest died at each of their three attempts"


def check_events(events: Sequence[JobEvent]) -> None:
    """One claim at a time, each with a higher fence, and exactly one end, which is the last word."""
    kinds = [event.kind for event in events]
    assert [kind for kind in kinds if kind in LAST] == kinds[-1:]
    for before, after in pairwise(kinds):
        assert after in NEXT[before], kinds
    fences = [event.detail["fence"] for event in events if event.kind is JobEventKind.CLAIMED and event.detail]
    assert fences == sorted(set(fences))


def check_steps(folder: Path) -> None:
    """Runs do not overlap; each goes on where the one before it stopped, at most one step over again."""
    history = folder / "history"
    lines = [line.split() for line in history.read_text().splitlines()] if history.exists() else []
    runs = [(pid, [int(step) for _, step in group]) for pid, group in groupby(lines, key=lambda line: line[0])]
    assert len({pid for pid, _ in runs}) == len(runs), "two runs at once"
    for _, steps in runs:
        assert steps == list(range(steps[0], steps[-1] + 1))
    for (_, before), (_, after) in pairwise(runs):
        assert after[0] in {before[-1], before[-1] + 1}


def check_given_up(job: Job) -> None:
    assert job.state is JobState.FAILED
    assert job.error is not None
    assert job.error["code"] == "worker_lost"
    assert job.attempt == JOBS.max_attempts
