"""Celery's settings, measured ones first: see docs/adr for the traps they close. The queue carries ids and may be
lost.

The results live in PostgreSQL, so there is no result backend; retries are attempts of the row, so Celery retries
nothing.
"""

from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit
from uuid import UUID

import redis
from celery import Celery
from kombu import Queue

from appliance.base.secret_files import Secret, read_secret
from appliance.base.settings import Settings

QUEUE = "jobs"
KEY_PREFIX = "celery."
RUN_JOB = "control_plane.worker.run_job"
VISIBILITY_SECONDS = 6 * 3600
"""How long a message may be un-acknowledged before Redis gives it to another worker; a redelivery is harmless here."""


def broker_url(settings: Settings) -> str:
    """The Redis of the settings, or the box's own over its socket, with its password; kombu's spelling."""
    password = quote(read_secret(settings.paths, Secret.REDIS_PASSWORD), safe="")
    if settings.redis.url is None:
        return f"redis+socket://:{password}@{settings.paths.redis_socket}?virtual_host=0"
    parts = urlsplit(settings.redis.url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f":{password}@{host}"))


def make_celery(settings: Settings) -> Celery:
    app = Celery("control_plane", broker=broker_url(settings), set_as_current=False)
    app.conf.update(celery_settings())
    return app


def celery_settings() -> dict[str, Any]:
    return {
        "accept_content": ["json"],
        "task_serializer": "json",
        "task_ignore_result": True,
        "task_queues": [Queue(QUEUE)],
        "task_default_queue": QUEUE,
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "task_acks_on_failure": True,
        "task_acks_on_timeout": True,
        "task_track_started": True,
        "worker_concurrency": 1,
        "worker_prefetch_multiplier": 1,
        "worker_max_tasks_per_child": 1,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "worker_hijack_root_logger": False,
        "worker_enable_remote_control": False,
        "worker_send_task_events": False,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "visibility_timeout": VISIBILITY_SECONDS,
        "broker_transport_options": {
            "visibility_timeout": VISIBILITY_SECONDS,
            "global_keyprefix": KEY_PREFIX,
            "unacked_restore_interval": 10,
            "unacked_restore_throttle": 1,
            "socket_keepalive": True,
            "socket_timeout": 30,
            "socket_connect_timeout": 5,
            "health_check_interval": 30,
            "retry_on_timeout": True,
        },
    }


class CeleryQueue:
    """The dispatcher's port to the queue: publish a message, and say how many wait."""

    def __init__(self, app: Celery, *, client: redis.Redis) -> None:
        self.app = app
        self.client = client

    def publish(self, job_id: UUID, *, attempt: int) -> None:
        """Raises `kombu.exceptions.OperationalError` at once when Redis is away: the sweep comes again."""
        message = {"job_id": str(job_id), "attempt": attempt}
        self.app.send_task(RUN_JOB, kwargs=message, queue=QUEUE, retry=False, ignore_result=True)

    def waiting(self) -> int:
        """Kombu keeps a queue as a list under its name; asking through kombu fails for a queue that is empty."""
        return self.client.llen(KEY_PREFIX + QUEUE)
