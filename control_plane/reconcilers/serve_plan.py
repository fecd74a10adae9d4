"""Decide what is to run and what each served model's state is: pure, from the rows and what the cluster says."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

from appliance.serving.spec import ReplicaSpec
from control_plane.cluster.port import ApplicationStatus, ClusterObservation, ObservedApplication, ServeDocument
from control_plane.served_models.tables import DesiredState, ObservedState
from control_plane.versions.tables import VersionState


@dataclass(frozen=True)
class PlacedReplica:
    """A replica that has its place, under the name of its application. One without a spec is on its way out."""

    application: str
    spec: ReplicaSpec | None = None


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """One served model as its rows say. `missing`: why not all of its replicas have a place; `remark`: what else an
    admin should know of them.
    """

    id: UUID
    name: str
    desired_state: DesiredState
    desired_replicas: int
    version_state: VersionState
    version_reason: str | None = None
    start_after: UUID | None = None
    replicas: tuple[PlacedReplica, ...] = ()
    missing: str | None = None
    remark: str | None = None

    def seen_in(self, observation: ClusterObservation) -> list[ObservedApplication]:
        """What the cluster shows of its replicas, those on their way out included."""
        found = (observation.applications.get(replica.application) for replica in self.replicas)
        return [application for application in found if application is not None]


@dataclass(frozen=True)
class Seen:
    """What is written to a served model's `observed_*`."""

    state: ObservedState
    reason: str | None = None
    replicas: int = 0


@dataclass(frozen=True)
class Plan:
    """`specs` is everything that is to run; `gone` are removed models whose applications have left the cluster."""

    specs: list[ReplicaSpec] = field(default_factory=list[ReplicaSpec])
    seen: dict[UUID, Seen] = field(default_factory=dict[UUID, Seen])
    gone: list[UUID] = field(default_factory=list[UUID])

    @property
    def backlog(self) -> int:
        """Served models that are on their way to what is wanted."""
        settled = (ObservedState.READY, ObservedState.ABSENT)
        return sum(1 for seen in self.seen.values() if seen.state not in settled) + len(self.gone)


LONGEST_REASON_CHARACTERS = 500

STATES = {
    ApplicationStatus.NOT_STARTED: ObservedState.STARTING,
    ApplicationStatus.DEPLOYING: ObservedState.STARTING,
    ApplicationStatus.DEPLOY_FAILED: ObservedState.FAILED,
    ApplicationStatus.RUNNING: ObservedState.READY,
    ApplicationStatus.UNHEALTHY: ObservedState.UNHEALTHY,
    ApplicationStatus.DELETING: ObservedState.DRAINING,
    ApplicationStatus.UNKNOWN: ObservedState.UNHEALTHY,
}


def make_plan(wanted: Sequence[Wanted], observation: ClusterObservation, *, held_back: frozenset[str]) -> Plan:
    """`held_back` names applications that are left out once, so that the cluster forgets a failed start."""
    plan = Plan()
    by_id = {each.id: each for each in wanted}
    for each in wanted:
        applications = each.seen_in(observation)
        runs = is_to_run(each, applications) and not waits(each, by_id, observation)
        if runs:
            running = [replica for replica in each.replicas if replica.application not in held_back]
            plan.specs.extend(replica.spec for replica in running if replica.spec is not None)
        if each.desired_state is DesiredState.REMOVED and not applications:
            plan.gone.append(each.id)
        plan.seen[each.id] = look(each, observation, by_id=by_id, runs=runs)
    return plan


def is_to_run(each: Wanted, applications: Sequence[ObservedApplication]) -> bool:
    """A version that turned out damaged is not started, but what runs of it is not stopped either."""
    if each.desired_state is DesiredState.REMOVED or each.desired_replicas == 0:
        return False
    return each.version_state is VersionState.READY or (
        each.version_state is VersionState.DAMAGED and bool(applications)
    )


def waits(each: Wanted, by_id: dict[UUID, Wanted], observation: ClusterObservation) -> bool:
    """Whether it is held until another is ready: only before its own start, and never for one that will not come."""
    first = by_id.get(each.start_after) if each.start_after else None
    if first is None or each.seen_in(observation):
        return False
    if first.desired_state is DesiredState.REMOVED or first.desired_replicas == 0:
        return False
    if first.missing and not first.seen_in(observation):
        return False
    if first.version_state in (VersionState.FAILED, VersionState.DAMAGED):
        return False
    starting = (ApplicationStatus.NOT_STARTED, ApplicationStatus.DEPLOYING)
    return all(application.status in starting for application in first.seen_in(observation))


def look(each: Wanted, observation: ClusterObservation, *, by_id: dict[UUID, Wanted], runs: bool) -> Seen:
    applications = each.seen_in(observation)
    if not applications:
        return look_at_absent(each, by_id=by_id, runs=runs)
    running = sum(application.running_replicas for application in applications)
    if not runs:
        return Seen(ObservedState.DRAINING, replicas=running)
    states = [(state_of(application), application) for application in applications]
    state = next((state for state in BEST_FIRST if any(state is one for one, _ in states)), ObservedState.UNHEALTHY)
    trouble = (gist(application.message) for one, application in states if one in TROUBLE)
    reasons = [each.remark, each.missing, next((text for text in trouble if text), None)]
    return Seen(state, reason=" ".join(reason for reason in reasons if reason) or None, replicas=running)


BEST_FIRST = (ObservedState.READY, ObservedState.STARTING, ObservedState.UNHEALTHY, ObservedState.FAILED)
TROUBLE = (ObservedState.UNHEALTHY, ObservedState.FAILED, ObservedState.STARTING)


def state_of(application: ObservedApplication) -> ObservedState:
    if application.status is ApplicationStatus.DEPLOYING and application.running_replicas > 0:
        return ObservedState.READY
    return STATES[application.status]


def gist(message: str) -> str | None:
    """Serve's messages end with a stack trace, whose last line says what happened."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    return lines[-1][:LONGEST_REASON_CHARACTERS] if lines else None


def look_at_absent(each: Wanted, *, by_id: dict[UUID, Wanted], runs: bool) -> Seen:
    if runs and each.missing:
        return Seen(ObservedState.WAITING, reason=each.missing)
    if runs:
        return Seen(ObservedState.STARTING)
    if each.desired_state is DesiredState.REMOVED or each.desired_replicas == 0:
        return Seen(ObservedState.ABSENT)
    match each.version_state:
        case VersionState.IMPORTING:
            return Seen(ObservedState.WAITING, reason="Its weights are being imported.")
        case VersionState.FAILED | VersionState.DAMAGED:
            return Seen(
                ObservedState.FAILED, reason=each.version_reason or f"Its weights are {each.version_state.value}."
            )
        case VersionState.READY:
            first = by_id.get(each.start_after) if each.start_after else None
            return Seen(ObservedState.WAITING, reason=f"It starts after {first.name if first else 'another model'}.")


def differs(document: ServeDocument, observation: ClusterObservation) -> bool:
    """Whether the cluster has to be told: an application is missing, going, unlike the document's, or one too many."""
    applications = cast(list[dict[str, Any]], document["applications"])
    names = {str(application["name"]) for application in applications}
    for name, observed in observation.applications.items():
        if name not in names and observed.status is not ApplicationStatus.DELETING:
            return True
    return any(is_stale(application, observation) for application in applications)


def is_stale(application: dict[str, Any], observation: ClusterObservation) -> bool:
    observed = observation.applications.get(str(application["name"]))
    if observed is None or observed.config is None or observed.status is ApplicationStatus.DELETING:
        return True
    return not contains(observed.config, application)


def contains(observed: Any, wanted: Any) -> bool:
    """Whether `observed` says at least what `wanted` says: Serve answers with defaults filled in."""
    if isinstance(wanted, dict):
        if not isinstance(observed, dict):
            return False
        tree = cast(dict[str, Any], observed)
        return all(contains(tree.get(key), value) for key, value in cast(dict[str, Any], wanted).items())
    if isinstance(wanted, list):
        if not isinstance(observed, list):
            return False
        pairs = zip(cast(list[Any], observed), cast(list[Any], wanted), strict=False)
        return len(cast(list[Any], observed)) == len(cast(list[Any], wanted)) and all(
            contains(one, other) for one, other in pairs
        )
    return bool(observed == wanted)
