"""Each row of the table of measured queue traps, on a real Redis, a real Celery worker and a real PostgreSQL."""

import os
import signal

import psutil
import pytest

from control_plane.access.domain import SYSTEM
from control_plane.database.session import transaction
from control_plane.jobs import service
from control_plane.jobs.tables import JobState
from tests.fixtures.redis import RedisServer
from tests.fixtures.waiting import wait_until
from tests.fixtures.workers import JobBench, kill_tree, pid_is_gone


def test_a_job_runs_once_and_its_result_is_kept(job_bench: JobBench) -> None:
    job_bench.start_worker()
    job_id = job_bench.submit("finish")
    job = job_bench.wait_for(job_id, JobState.SUCCEEDED)
    assert job.result == {"runs": 1}
    assert job_bench.kinds_of_events(job_id) == ["submitted", "claimed", "succeeded"]


def test_a_message_that_comes_three_times_makes_one_run(job_bench: JobBench) -> None:
    job_id = job_bench.submit("finish")
    for _ in range(3):
        job_bench.queue.publish(job_id, attempt=1)
    job_bench.start_worker()
    job_bench.wait_for(job_id, JobState.SUCCEEDED)
    wait_until(lambda: job_bench.queue.waiting() == 0, what="the queue is empty")
    marker = job_bench.submit("finish")
    job_bench.wait_for(marker, JobState.SUCCEEDED)
    assert len(job_bench.runs(job_id)) == 1


def test_a_killed_job_process_is_started_again(job_bench: JobBench) -> None:
    job_bench.start_worker()
    job_id = job_bench.submit("wait", "finish")
    pid, grandchild = job_bench.wait_for_run(job_id)
    os.kill(pid, signal.SIGKILL)
    job = job_bench.wait_for(job_id, JobState.SUCCEEDED)
    assert job.attempt == 2
    assert pid_is_gone(grandchild)


def test_a_killed_supervisor_takes_its_job_process_along_and_the_lease_brings_it_back(job_bench: JobBench) -> None:
    job_bench.start_worker()
    job_id = job_bench.submit("wait", "finish")
    pid, _ = job_bench.wait_for_run(job_id)
    os.kill(psutil.Process(pid).ppid(), signal.SIGKILL)
    wait_until(lambda: pid_is_gone(pid), what="the job's process died with its supervisor", seconds=5)
    job = job_bench.wait_for(job_id, JobState.SUCCEEDED)
    assert job.attempt == 2
    assert len(job_bench.runs(job_id)) == 2


def test_a_wholly_killed_worker_loses_no_job(job_bench: JobBench) -> None:
    worker = job_bench.start_worker()
    job_id = job_bench.submit("wait", "finish")
    pid, _ = job_bench.wait_for_run(job_id)
    kill_tree(worker)
    wait_until(lambda: pid_is_gone(pid), what="the job's process died with its supervisor", seconds=15)
    job_bench.start_worker()
    job = job_bench.wait_for(job_id, JobState.SUCCEEDED)
    assert job.attempt == 2


def test_a_killed_main_process_takes_its_children_along_and_leaves_no_stray(job_bench: JobBench) -> None:
    worker = job_bench.start_worker()
    job_id = job_bench.submit("wait", "finish")
    pid, grandchild = job_bench.wait_for_run(job_id)
    worker.kill()
    worker.wait()
    wait_until(lambda: pid_is_gone(pid), what="the job's process died with its worker", seconds=15)
    job_bench.start_worker()
    assert job_bench.wait_for(job_id, JobState.SUCCEEDED).attempt == 2
    assert pid_is_gone(grandchild)


def test_sigterm_gives_the_job_back_with_the_same_attempt(job_bench: JobBench) -> None:
    worker = job_bench.start_worker()
    job_id = job_bench.submit("wait", "finish")
    _, grandchild = job_bench.wait_for_run(job_id)
    worker.terminate()
    worker.wait(timeout=20)
    assert job_bench.job(job_id).state is JobState.QUEUED
    assert pid_is_gone(grandchild)
    job_bench.start_worker()
    assert job_bench.wait_for(job_id, JobState.SUCCEEDED).attempt == 1


def test_redis_that_lost_its_queue_costs_nothing_but_time(job_bench: JobBench, redis_server: RedisServer) -> None:
    job_id = job_bench.submit("finish")
    job_bench.reconciler.run()
    assert job_bench.queue.waiting() == 1
    redis_server.restart_empty()
    job_bench.start_worker()
    assert job_bench.wait_for(job_id, JobState.SUCCEEDED).attempt == 1


def test_a_running_job_and_its_worker_outlive_a_redis_restart(job_bench: JobBench, redis_server: RedisServer) -> None:
    job_bench.start_worker()
    running = job_bench.submit("wait", "finish")
    pid, _ = job_bench.wait_for_run(running)
    redis_server.restart_empty()
    os.kill(pid, signal.SIGKILL)
    job = job_bench.wait_for(running, JobState.SUCCEEDED, seconds=60)
    assert job.attempt == 2


def test_cancel_kills_the_whole_process_group(job_bench: JobBench) -> None:
    job_bench.start_worker()
    job_id = job_bench.submit("wait")
    pid, grandchild = job_bench.wait_for_run(job_id)
    with transaction(job_bench.factory) as session:
        service.request_cancel(session, SYSTEM, f"job-{job_id.hex}")
    job = job_bench.wait_for(job_id, JobState.CANCELLED)
    assert pid_is_gone(pid)
    assert pid_is_gone(grandchild)
    assert job.attempt == 1


def test_a_poison_job_fails_after_its_last_attempt(job_bench: JobBench) -> None:
    job_bench.start_worker()
    job_id = job_bench.submit("die")
    job = job_bench.wait_for(job_id, JobState.FAILED)
    assert job.error is not None
    assert job.error["code"] == "worker_lost"
    assert len(job_bench.runs(job_id)) == 3


@pytest.mark.parametrize(("word", "code"), [("refuse", "no_folder"), ("crash", "internal_error")])
def test_an_error_that_a_repeat_would_not_change_ends_the_job(job_bench: JobBench, word: str, code: str) -> None:
    job_bench.start_worker()
    job_id = job_bench.submit(word)
    job = job_bench.wait_for(job_id, JobState.FAILED)
    assert job.error is not None
    assert job.error["code"] == code
    assert len(job_bench.runs(job_id)) == 1
