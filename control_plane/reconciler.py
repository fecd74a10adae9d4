"""`python -m control_plane.reconciler`: all reconcilers in one process, each in a thread, until SIGTERM."""

import logging
import signal
import sys
import threading
from collections.abc import Callable

import redis

from appliance.base.box import read_box
from appliance.base.errors import ApplianceError
from appliance.base.ids import public_id
from appliance.base.logs import configure, get_logger
from appliance.base.settings import Settings, load_settings
from control_plane.cluster.local import local_cluster
from control_plane.cluster.port import ClusterPort
from control_plane.database.nudge import make_redis, nudge_publisher
from control_plane.database.session import SessionFactory, make_engine, make_session_factory
from control_plane.licences.here import Here
from control_plane.licences.reconciler import LicencesReconciler
from control_plane.reconcilers.domain import Reconciler
from control_plane.reconcilers.jobs import JobsReconciler
from control_plane.reconcilers.leadership import Leadership
from control_plane.reconcilers.loop import ReconcilerLoop
from control_plane.reconcilers.nudges import NudgeListener
from control_plane.reconcilers.partitions import PartitionsReconciler
from control_plane.reconcilers.replicas import ReplicasReconciler
from control_plane.reconcilers.samples import SamplesReconciler
from control_plane.reconcilers.scaler import ScalerReconciler, WakeListener
from control_plane.reconcilers.serve import ServeReconciler
from control_plane.reconcilers.snapshot import SnapshotReconciler, announcer
from control_plane.reconcilers.status import StatusRow
from control_plane.reconcilers.versions import VersionsReconciler
from control_plane.worker.celery_app import CeleryQueue, make_celery

STOP_SECONDS = 10.0

log = get_logger(__name__)


def make_reconcilers(
    settings: Settings, factory: SessionFactory, *, client: redis.Redis, cluster: ClusterPort
) -> list[Reconciler]:
    """Every reconciler of this version."""
    interval = settings.reconcile.interval_seconds
    return [
        ServeReconciler(
            factory=factory,
            cluster=cluster,
            settings=settings,
            node_id=public_id("node", read_box(settings.paths).node_id),
            publish=nudge_publisher(client),
            interval_seconds=interval,
        ),
        ReplicasReconciler(factory=factory, client=client),
        SnapshotReconciler(factory=factory, folder=settings.paths.snapshot, announce=announcer(client)),
        ScalerReconciler(factory=factory, client=client, publish=nudge_publisher(client)),
        JobsReconciler(
            factory=factory,
            queue=CeleryQueue(make_celery(settings), client=client),
            settings=settings.jobs,
            interval_seconds=interval,
        ),
        VersionsReconciler(factory=factory, interval_seconds=interval),
        LicencesReconciler(factory=factory, here=Here(settings.paths)),
        PartitionsReconciler(factory=factory),
        SamplesReconciler(factory=factory),
    ]


def make_cluster(settings: Settings) -> ClusterPort:
    """The Kubernetes client takes tens of megabytes, so a box that has no cluster does not load it."""
    if settings.cluster.adapter == "kubernetes":
        from control_plane.cluster.kubernetes_adapter.cluster import kubernetes_cluster  # noqa: PLC0415

        return kubernetes_cluster(settings)
    return local_cluster(settings)


class ReconcilerProcess:
    """The threads of one process; `stop` ends them all."""

    def __init__(self, settings: Settings, *, cluster: ClusterPort) -> None:
        self.stop = threading.Event()
        engine = make_engine(settings)
        factory = make_session_factory(engine)
        client = make_redis(settings)
        self.leadership = Leadership(engine, stop=self.stop, on_gain=self.wake_all)
        self.loops = [
            ReconcilerLoop(
                reconciler,
                record=StatusRow(factory, name=reconciler.name).record,
                led=self.leadership.led,
                stop=self.stop,
            )
            for reconciler in make_reconcilers(settings, factory, client=client, cluster=cluster)
        ]
        wakers: dict[str, Callable[[], None]] = {loop.reconciler.name: loop.wake for loop in self.loops}
        wake_client = make_redis(settings)
        self.wakes = [
            WakeListener(wake_client, called=loop.reconciler.called, hurry=loop.wake, stop=self.stop)
            for loop in self.loops
            if isinstance(loop.reconciler, ScalerReconciler)
        ]
        self.nudges = NudgeListener(make_redis(settings), wakers=wakers, stop=self.stop)

    def wake_all(self) -> None:
        for loop in self.loops:
            loop.wake()

    def run(self) -> None:
        """Blocks until `stop` is set; then lets the running turns end, within `STOP_SECONDS`."""
        for thread in (*self.loops, self.nudges, *self.wakes, self.leadership):
            thread.start()
        self.stop.wait()
        self.wake_all()
        for thread in (*self.loops, self.leadership):
            thread.join(STOP_SECONDS)
        log.info("reconcilers_stopped")


def main() -> int:
    try:
        settings = load_settings()
        configure(service="reconciler", level=settings.log_level)
        logging.getLogger("httpx").setLevel(logging.WARNING)
        process = ReconcilerProcess(settings, cluster=make_cluster(settings))
    except ApplianceError as error:
        sys.stderr.write(f"{error.message} {error.hint or ''}".rstrip() + "\n")
        return 1

    def stop(*_: object) -> None:
        process.stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    process.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
