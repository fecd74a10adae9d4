"""`partitions`: next month's partition of the usage table is there before the month begins."""

from dataclasses import dataclass

from appliance.base import clock
from control_plane.database.session import SessionFactory, transaction
from control_plane.usage.service import ensure_partitions

INTERVAL_SECONDS = 3600.0


@dataclass(frozen=True)
class PartitionsReconciler:
    factory: SessionFactory
    interval_seconds: float = INTERVAL_SECONDS
    name: str = "partitions"

    def run(self) -> int:
        with transaction(self.factory) as session:
            ensure_partitions(session, now=clock.now())
        return 0
