"""`samples`: charts' minutes and hours that are older than is promised are forgotten."""

from dataclasses import dataclass

from appliance.base import clock
from control_plane.database.session import SessionFactory, transaction
from control_plane.nodes.repository import node_ids
from control_plane.nodes.service import forget_samples

INTERVAL_SECONDS = 3600.0


@dataclass(frozen=True)
class SamplesReconciler:
    factory: SessionFactory
    interval_seconds: float = INTERVAL_SECONDS
    name: str = "samples"

    def run(self) -> int:
        """A transaction for each node, so that none is long."""
        with transaction(self.factory) as session:
            nodes = node_ids(session)
        for node_id in nodes:
            with transaction(self.factory) as session:
                forget_samples(session, node_id, now=clock.now())
        return 0
