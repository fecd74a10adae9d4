"""Put the worker together: Celery, its one task, and the stop pipe between its main process and its pool child."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from celery import Celery
from celery.signals import worker_process_init, worker_shutting_down

from appliance.base.settings import PREFIX, Settings
from control_plane.database.nudge import make_redis, nudge_publisher
from control_plane.database.session import make_engine, make_session_factory
from control_plane.jobs.domain import JobKind
from control_plane.worker.celery_app import RUN_JOB, make_celery
from control_plane.worker.stop_pipe import StopPipe
from control_plane.worker.strays import end_strays
from control_plane.worker.supervisor import Supervisor


def make_worker(settings: Settings, *, kinds: Mapping[str, JobKind]) -> Celery:
    """A Celery app whose worker runs `kinds`. The pool forks, so a task makes its own connections and drops them."""
    app = make_celery(settings)
    stop = StopPipe()

    def close_stop_pipe(**_: Any) -> None:
        stop.close()

    worker_shutting_down.connect(close_stop_pipe, weak=False)
    worker_process_init.connect(close_stop_pipe, weak=False)

    def run_job(job_id: str, attempt: int, **_: Any) -> None:
        end_strays(str(settings.paths.root))
        engine = make_engine(settings)
        supervisor = Supervisor(
            factory=make_session_factory(engine),
            kinds=kinds,
            settings=settings.jobs,
            stop=stop,
            environ={f"{PREFIX}HOME": str(settings.paths.root)},
            publish=nudge_publisher(make_redis(settings)),
        )
        try:
            supervisor.run(UUID(job_id), attempt=attempt)
        finally:
            engine.dispose()

    app.task(name=RUN_JOB)(run_job)
    return app
