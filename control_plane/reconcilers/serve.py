"""`serve`: make the cluster run what the rows want, and write down what it runs.

Load (session) -> look at the cluster -> put the whole document where it differs -> apply what was seen (session). A
new Ray head has no application, which differs, so the document is put again at once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from appliance.base import clock
from appliance.base.ids import public_id
from appliance.base.logs import get_logger
from appliance.base.settings import Settings
from appliance.engines.pack import load_pack
from appliance.serving.spec import ServedVersionSpec, serve_document
from appliance.weights.store import WeightStore
from control_plane.cluster.port import ApplicationStatus, ClusterObservation, ClusterPort, ClusterUnreachable
from control_plane.database.nudge import SNAPSHOT
from control_plane.database.session import SessionFactory, nudge, transaction
from control_plane.reconcilers.failed_starts import FailedStarts
from control_plane.reconcilers.serve_plan import Plan, Seen, Wanted, differs, make_plan
from control_plane.served_models import repository
from control_plane.served_models.tables import DesiredState, ObservedState, ReplicaState, ServedModel
from control_plane.versions.service import facts_of
from control_plane.versions.tables import ModelVersion

log = get_logger(__name__)


@dataclass
class ServeReconciler:
    """`node_id` is the public id of the node whose store holds the weights."""

    factory: SessionFactory
    cluster: ClusterPort
    settings: Settings
    node_id: str
    publish: Callable[[str], None]
    interval_seconds: float
    failed_starts: FailedStarts = field(default_factory=FailedStarts)
    name: str = "serve"

    def run(self) -> int:
        wanted = self.load()
        try:
            observation = self.cluster.observe()
        except ClusterUnreachable as error:
            self.write(unreachable(wanted, reason=error.message), gone=[])
            raise
        failed = failed_applications(observation)
        plan = make_plan(wanted, observation, held_back=self.failed_starts.held_back(failed, now=clock.monotonic()))
        self.write(plan.seen, gone=self.without_live_replicas(plan))
        document = serve_document(plan.specs)
        if differs(document, observation):
            self.cluster.apply(document)
            log.info("serve_document_was_put", applications=[spec.served_model_id for spec in plan.specs])
        return plan.backlog

    def load(self) -> list[Wanted]:
        with transaction(self.factory) as session:
            return [self.wanted(served, version) for served, version in repository.with_versions(session)]

    def wanted(self, served: ServedModel, version: ModelVersion) -> Wanted:
        return Wanted(
            id=served.id,
            application=public_id("srv", served.id),
            name=served.name,
            desired_state=served.desired_state,
            desired_replicas=served.desired_replicas,
            version_state=version.state,
            version_reason=version.state_reason,
            start_after=served.start_after_id,
            spec=self.spec(served, version) if version.digest is not None else None,
        )

    def spec(self, served: ServedModel, version: ModelVersion) -> ServedVersionSpec:
        facts = facts_of(version)
        pack = served.engine_pack or facts.pack
        return ServedVersionSpec(
            served_model_id=public_id("srv", served.id),
            version_id=public_id("ver", version.id),
            model_name=served.name,
            task="embedding" if served.task == "embedding" else "chat",
            engine_pack=pack,
            engine_version=load_pack(pack).version,
            weights_path=WeightStore(self.settings.paths.weights).versions_folder / str(version.digest),
            max_model_len=served.max_model_len,
            num_replicas=served.desired_replicas,
            num_cpus=facts.num_cpus,
            engine_args=facts.args if pack == facts.pack else (),
            home=self.settings.paths.root,
            node_id=self.node_id,
        )

    def without_live_replicas(self, plan: Plan) -> list[UUID]:
        """A removed model's row stays until the last replica has fallen silent, so that status shows it draining."""
        with transaction(self.factory) as session:
            return [
                key
                for key in plan.gone
                if all(replica.state is ReplicaState.LOST for replica in repository.replicas_of(session, key))
            ]

    def write(self, seen: dict[UUID, Seen], *, gone: Sequence[UUID]) -> None:
        with transaction(self.factory, publish=self.publish) as session:
            for key, what in seen.items():
                repository.write_observation(
                    session, key, state=what.state, reason=what.reason, replicas=what.replicas, at=clock.now()
                )
            for key in gone:
                repository.remove_drained(session, key)
            if gone:
                nudge(session, SNAPSHOT)


def unreachable(wanted: Sequence[Wanted], *, reason: str) -> dict[UUID, Seen]:
    """While the cluster does not answer nothing is known to run."""
    running = [each for each in wanted if each.desired_state is DesiredState.SERVING and each.desired_replicas > 0]
    return {each.id: Seen(ObservedState.UNHEALTHY, reason=reason) for each in running}


def failed_applications(observation: ClusterObservation) -> frozenset[str]:
    return frozenset(
        name for name, each in observation.applications.items() if each.status is ApplicationStatus.DEPLOY_FAILED
    )
