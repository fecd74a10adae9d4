"""`serve`: make the cluster run what the rows want, and write down what it runs.

Load (session) -> look at the cluster -> decide where replicas go -> write that down with what was seen (session) ->
put the whole document where it differs. A new Ray head has no application, which differs, so the document is put again
at once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from appliance.base import clock
from appliance.base.ids import parse_public_id
from appliance.base.logs import get_logger
from appliance.base.settings import Settings
from appliance.serving.spec import serve_document
from control_plane.cluster.port import ApplicationStatus, ClusterObservation, ClusterPort, ClusterUnreachable
from control_plane.database.nudge import SNAPSHOT
from control_plane.database.session import SessionFactory, nudge, transaction
from control_plane.licences.here import Here
from control_plane.placements import service as placements
from control_plane.reconcilers.failed_starts import FailedStarts
from control_plane.reconcilers.serve_licences import with_seats
from control_plane.reconcilers.serve_load import PLACEMENT, Loaded, load, with_replicas
from control_plane.reconcilers.serve_plan import Plan, Seen, Wanted, differs, make_plan
from control_plane.served_models import repository
from control_plane.served_models.tables import DesiredState, ObservedState, ReplicaState

log = get_logger(__name__)


@dataclass
class ServeReconciler:
    """`node_id` is the public id of the node whose store imports go to. `heard_since`: since when nodes are heard."""

    factory: SessionFactory
    cluster: ClusterPort
    settings: Settings
    node_id: str
    publish: Callable[[str], None]
    interval_seconds: float
    failed_starts: FailedStarts = field(default_factory=FailedStarts)
    heard_since: datetime = field(default_factory=clock.now)
    name: str = "serve"

    def run(self) -> int:
        with transaction(self.factory) as session:
            loaded = load(session, self.settings, node_id=self.node_id, heard_since=self.heard_since)
        try:
            observation = self.cluster.observe()
        except ClusterUnreachable as error:
            self.write(unreachable(loaded, reason=error.message), outcome=None, gone=[])
            raise
        outcome = self.licensed(placements.settle(round_of(loaded, observation)), loaded)
        wanted = with_replicas(loaded, outcome, settings=self.settings, node_id=self.node_id)
        failed = failed_applications(observation)
        plan = make_plan(wanted, observation, held_back=self.failed_starts.held_back(failed, now=clock.monotonic()))
        self.write(plan.seen, outcome=outcome, gone=self.without_live_replicas(plan))
        self.tell(outcome, wanted)
        document = serve_document(plan.specs)
        if differs(document, observation):
            self.cluster.apply(document)
            log.info("serve_document_was_put", applications=[spec.application for spec in plan.specs])
        return plan.backlog

    def licensed(self, outcome: placements.Outcome, loaded: Loaded) -> placements.Outcome:
        """Sealed models alone need seats of a licence; what has gone gives its seats back."""
        sealed = any(order.sealed for order in loaded.orders.values())
        if not sealed and not outcome.decision.removed:
            return outcome
        with transaction(self.factory) as session:
            here = Here(self.settings.paths)
            return with_seats(session, outcome, orders=loaded.orders, here=here, now=clock.now())

    def without_live_replicas(self, plan: Plan) -> list[UUID]:
        """A removed model's row stays until the last replica has fallen silent, so that status shows it draining."""
        with transaction(self.factory) as session:
            return [
                key
                for key in plan.gone
                if all(replica.state is ReplicaState.LOST for replica in repository.replicas_of(session, key))
            ]

    def write(self, seen: dict[UUID, Seen], *, outcome: placements.Outcome | None, gone: Sequence[UUID]) -> None:
        with transaction(self.factory, publish=self.publish) as session:
            if outcome is not None:
                placements.write(session, outcome)
            for key, what in seen.items():
                repository.write_observation(
                    session, key, state=what.state, reason=what.reason, replicas=what.replicas, at=clock.now()
                )
            for key in gone:
                repository.remove_drained(session, key)
            if gone:
                nudge(session, SNAPSHOT)

    def tell(self, outcome: placements.Outcome, wanted: Sequence[Wanted]) -> None:
        names = {each.id: each.name for each in wanted}
        for row in outcome.added:
            log.info(
                "replica_was_placed",
                model=names[row.served_model_id],
                pack=row.seat.layout.pack,
                nodes=[part.node_id for part in row.seat.parts],
                cards=[key for part in row.seat.parts for key in part.card_keys],
                cores=[core for part in row.seat.parts for core in part.cores],
            )


def round_of(loaded: Loaded, observation: ClusterObservation) -> placements.Round:
    seen = {parse_public_id(PLACEMENT, name): application for name, application in observation.applications.items()}
    return placements.Round(
        orders=loaded.orders,
        versions=loaded.versions,
        rows=loaded.rows,
        nodes=loaded.nodes,
        selectors=loaded.selectors,
        known={key for key in seen if key is not None},
        ready={key for key, application in seen.items() if key is not None and application.running_replicas > 0},
    )


def unreachable(loaded: Loaded, *, reason: str) -> dict[UUID, Seen]:
    """While the cluster does not answer nothing is known to run."""
    running = [each for each in loaded.wanted if each.desired_state is DesiredState.SERVING and each.desired_replicas]
    return {each.id: Seen(ObservedState.UNHEALTHY, reason=reason) for each in running}


def failed_applications(observation: ClusterObservation) -> frozenset[str]:
    return frozenset(
        name for name, each in observation.applications.items() if each.status is ApplicationStatus.DEPLOY_FAILED
    )
