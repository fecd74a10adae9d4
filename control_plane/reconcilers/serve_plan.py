"""Decide what is to run and what each served model's state is: pure, from the rows and what the cluster says."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

from appliance.serving.spec import ServedVersionSpec
from control_plane.cluster.port import ApplicationStatus, ClusterObservation, ObservedApplication, ServeDocument
from control_plane.served_models.tables import DesiredState, ObservedState
from control_plane.versions.tables import VersionState


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """One served model as its rows say. `spec` is None while its version has no weights yet."""

    id: UUID
    application: str
    name: str
    desired_state: DesiredState
    desired_replicas: int
    version_state: VersionState
    version_reason: str | None = None
    start_after: UUID | None = None
    spec: ServedVersionSpec | None = None


@dataclass(frozen=True)
class Seen:
    """What is written to a served model's `observed_*`."""

    state: ObservedState
    reason: str | None = None
    replicas: int = 0


@dataclass(frozen=True)
class Plan:
    """`specs` is everything that is to run; `gone` are removed models whose application has left the cluster."""

    specs: list[ServedVersionSpec] = field(default_factory=list[ServedVersionSpec])
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
        application = observation.applications.get(each.application)
        runs = is_to_run(each, application) and not waits(each, by_id, observation)
        if runs and each.spec is not None and each.application not in held_back:
            plan.specs.append(each.spec)
        if each.desired_state is DesiredState.REMOVED and application is None:
            plan.gone.append(each.id)
        plan.seen[each.id] = look(each, application, by_id=by_id, runs=runs)
    return plan


def is_to_run(each: Wanted, application: ObservedApplication | None) -> bool:
    """A version that turned out damaged is not started, but what runs of it is not stopped either."""
    if each.desired_state is DesiredState.REMOVED or each.desired_replicas == 0 or each.spec is None:
        return False
    return each.version_state is VersionState.READY or (
        each.version_state is VersionState.DAMAGED and application is not None
    )


def waits(each: Wanted, by_id: dict[UUID, Wanted], observation: ClusterObservation) -> bool:
    """Whether it is held until another is ready: only before its own start, and never for one that will not come."""
    first = by_id.get(each.start_after) if each.start_after else None
    if first is None or each.application in observation.applications:
        return False
    if first.desired_state is DesiredState.REMOVED or first.desired_replicas == 0:
        return False
    if first.version_state in (VersionState.FAILED, VersionState.DAMAGED):
        return False
    application = observation.applications.get(first.application)
    return application is None or application.status in (ApplicationStatus.NOT_STARTED, ApplicationStatus.DEPLOYING)


def look(each: Wanted, application: ObservedApplication | None, *, by_id: dict[UUID, Wanted], runs: bool) -> Seen:
    if application is None:
        return look_at_absent(each, by_id=by_id, runs=runs)
    if not runs:
        return Seen(ObservedState.DRAINING, replicas=application.running_replicas)
    state = STATES[application.status]
    if application.status is ApplicationStatus.DEPLOYING and application.running_replicas > 0:
        state = ObservedState.READY  # more replicas are on their way; those that run already answer
    reason = None if state is ObservedState.READY else gist(application.message)
    return Seen(state, reason=reason, replicas=application.running_replicas)


def gist(message: str) -> str | None:
    """Serve's messages end with a stack trace, whose last line says what happened."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    return lines[-1][:LONGEST_REASON_CHARACTERS] if lines else None


def look_at_absent(each: Wanted, *, by_id: dict[UUID, Wanted], runs: bool) -> Seen:
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
