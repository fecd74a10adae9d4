"""Run a worker so that SIGTERM means: give the job back and go.

It is Celery's warm shutdown: that one tells `worker_shutting_down` at once, the task sees the stop pipe close, ends its process
group and releases the lease, and then the worker has nothing left to wait for. The cold one waits before it tells.
"""

import logging
import os

from celery import Celery

from control_plane.worker.celery_app import QUEUE


def run_worker(app: Celery) -> None:
    """Blocks until the worker has gone."""
    os.environ.setdefault("C_FORCE_ROOT", "true")  # messages are JSON from our own Redis; a box may be run as root
    logging.getLogger("celery").setLevel(logging.INFO)
    app.worker_main(["worker", "-Q", QUEUE, "--loglevel", "INFO", "--without-gossip", "--without-mingle"])
