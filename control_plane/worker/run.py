"""Run a worker so that SIGTERM means: give the job back and go.

It is Celery's warm shutdown: that one tells `worker_shutting_down` at once, the task sees the stop pipe close, ends
its process group and releases the lease, and then the worker has nothing left to wait for. The cold one waits
before it tells.
"""

import logging
import warnings

from celery import Celery
from celery.exceptions import SecurityWarning

from control_plane.worker.celery_app import QUEUE


def run_worker(app: Celery) -> None:
    """Blocks until the worker has gone."""
    warnings.simplefilter("ignore", SecurityWarning)  # a box may be run as root; messages are JSON from our own Redis
    logging.getLogger("celery").setLevel(logging.INFO)
    app.worker_main(["--quiet", "worker", "-Q", QUEUE, "--loglevel", "INFO", "--without-gossip", "--without-mingle"])
