"""What an admin decides of a served model. Each change is a row and a nudge; the serve reconciler does the rest."""

from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from uuid import UUID

from sqlalchemy.orm import Session

from appliance.base.errors import BadRequest, Conflict, Forbidden, ModelNotFound, NotFound
from appliance.base.ids import public_id
from appliance.engines.pack import load_pack, pack_names
from control_plane.access.domain import Principal, Reach
from control_plane.audit.service import record
from control_plane.catalogue import service as catalogue
from control_plane.database.nudge import SNAPSHOT
from control_plane.database.session import nudge
from control_plane.nodes.repository import all_nodes
from control_plane.placements.fleet import NodeFacts
from control_plane.placements.wanted import PlacementRules
from control_plane.public_names.repository import is_taken, name_taken, take
from control_plane.served_models import repository
from control_plane.served_models.tables import DesiredState, ManagedBy, ServedModel
from control_plane.tenants.service import default_project
from control_plane.versions import service as versions
from control_plane.versions.tables import ModelVersion, VersionState
from model_catalog.schema import CatalogueEntry
from model_catalog.vocabulary import SERVED_TASKS

SERVE = "serve"
MOST_REPLICAS = 64


@dataclass(frozen=True, kw_only=True)
class NewServedModel:
    """What is to be served. `version_id` or else `model`: its newest ready version, or an import of what the box
    carries.
    """

    name: str
    model: str | None = None
    version_id: str | None = None
    desired_replicas: int = 1
    max_model_len: int | None = None
    engine_pack: str | None = None
    rules: PlacementRules = field(default_factory=PlacementRules)
    managed_by: ManagedBy = ManagedBy.CONSOLE
    start_after_id: UUID | None = None


def create(session: Session, principal: Principal, wanted: NewServedModel) -> ServedModel:
    if repository.by_name(session, wanted.name) is not None:
        raise BadRequest(f"A model is already served as {wanted.name!r}.", param="name", code="name_taken")
    if is_taken(session, wanted.name):
        raise name_taken(wanted.name)
    version = choose_version(session, principal, wanted)
    require_served(version.task, model=version.model_name)
    facts = versions.facts_of(version)
    if wanted.max_model_len is not None and wanted.max_model_len > facts.longest:
        raise BadRequest(f"`max_model_len` can be {facts.longest} at most for this model.", param="max_model_len")
    if wanted.engine_pack is not None:
        require_pack(wanted.engine_pack, task=version.task)
    elif wanted.managed_by is not ManagedBy.HELM:  # helm may come before its nodes
        require_installed(installed_packs(session), task=version.task)
    require_nodes(session, wanted.rules.nodes)
    served = ServedModel(
        project_id=version.project_id,
        name=wanted.name,
        version_id=version.id,
        task=version.task,
        managed_by=wanted.managed_by,
        desired_state=DesiredState.SERVING,
        desired_replicas=wanted.desired_replicas,
        max_model_len=wanted.max_model_len or facts.max_model_len,
        engine_pack=wanted.engine_pack,
        placement_rules=wanted.rules.model_dump(mode="json"),
        start_after_id=wanted.start_after_id,
    )
    session.add(served)
    session.flush()
    take(session, wanted.name, served_model_id=served.id)
    after = {"version_id": public_id("ver", version.id), "desired_replicas": wanted.desired_replicas}
    record(session, principal, "served_model.create", wanted.name, after=after)
    hurry(session)
    return served


def require_served(task: str, *, model: str) -> None:
    """Raises BadRequest for a model that is listed although no engine pack does what it is for."""
    if task not in SERVED_TASKS:
        raise BadRequest(
            f"{model[:80]} is for {task.replace('_', ' ')}, which no engine pack serves yet.",
            hint="`appliance models` says what each model is for; chat, embedding and rerank models can be served.",
            param="model",
            code="task_not_served",
        )


def require_pack(name: str, *, task: str) -> None:
    """Raises BadRequest for a pack that the appliance does not carry, or that does not do this task."""
    if name not in pack_names():
        raise BadRequest(
            f"There is no engine pack {name[:80]!r}.", hint="See `appliance engines list`.", param="engine_pack"
        )
    if task not in load_pack(name).tasks:
        raise BadRequest(f"The engine pack {name} does not serve models for {task}.", param="engine_pack")


def installed_packs(session: Session) -> set[str]:
    facts = [NodeFacts.model_validate(node.observed_facts) for node in all_nodes(session)]
    return {name for each in facts for name in each.engine_packs}


def require_installed(installed: Collection[str], *, task: str) -> None:
    """Raises BadRequest where packs are installed, but none for this task; before any node told of one all may come."""
    known = [load_pack(name) for name in installed if name in pack_names()]
    if known and not any(task in pack.tasks for pack in known):
        able = ", ".join(name for name in pack_names() if task in load_pack(name).tasks)
        raise BadRequest(
            f"No engine pack that is installed here serves models for {task}.",
            hint=f"Install one of {able} (`appliance engines install`), or name one that will be there.",
            param="engine_pack",
            code="task_not_installed",
        )


def require_nodes(session: Session, names: Collection[str]) -> None:
    """Raises BadRequest for a node that is not known by its id or hostname."""
    known = {name for node in all_nodes(session) for name in (public_id("node", node.id), node.hostname)}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise BadRequest(
            f"There is no node {unknown[0][:80]!r}.", hint="See `appliance nodes list`.", param="placement.nodes"
        )


def choose_version(session: Session, principal: Principal, wanted: NewServedModel) -> ModelVersion:
    """Raises NotFound or BadRequest where there is nothing that can be served."""
    if wanted.version_id is not None:
        version = versions.find(session, wanted.version_id)
        if version.state in (VersionState.FAILED, VersionState.DAMAGED):
            raise BadRequest(f"That version is {version.state.value}: {version.state_reason}.", param="version_id")
        return version
    model = wanted.model or wanted.name
    for state in (VersionState.READY, VersionState.IMPORTING):
        if version := versions.repository.newest_of(session, model, state=state):
            return version
    if catalogue.repository.by_name(session, model) is None:
        raise ModelNotFound(f"There is no model {model[:80]!r}.", hint="See `appliance models`.", param="model")
    entry = catalogue.find_entry(session, model)
    require_served(entry.task, model=entry.name)
    version, _ = versions.import_from_catalogue(session, principal, entry)
    return version


def find(session: Session, name: str) -> ServedModel:
    served = repository.by_name(session, name)
    if served is None:
        raise NotFound(f"No model is served as {name[:80]!r}.", hint="See `appliance serve list`.", param="name")
    return served


def entry_of(session: Session, served: ServedModel) -> CatalogueEntry | None:
    """The catalogue entry that its version is named after."""
    version = versions.repository.version_by_id(session, served.version_id)
    return catalogue.entry_if_known(session, version.model_name) if version else None


def find_visible(session: Session, name: str, *, reach: Reach) -> ServedModel:
    """Raises NotFound also for one of a project out of reach."""
    served = find(session, name)
    if not reach.covers(served.project_id) and served.project_id != default_project(session).id:
        raise NotFound(f"No model is served as {name[:80]!r}.", hint="See `appliance serve list`.", param="name")
    return served


def scale(
    session: Session, principal: Principal, name: str, *, desired_replicas: int, managed_by: ManagedBy | None
) -> ServedModel:
    """Set the number of replicas; 0 stops it and keeps it listed."""
    served = find(session, name)
    refuse_foreign_owner(served, managed_by)
    if served.desired_state is DesiredState.REMOVED:
        raise Conflict(f"{name} is being removed.", hint="Deploy it again when it is gone.", code="being_removed")
    if served.max_replicas is not None:
        raise BadRequest(
            f"The load decides how many replicas {name} has.",
            hint="Give new bounds, or take autoscaling away first: `appliance serve scale NAME N --fixed`.",
            param="desired_replicas",
            code="autoscaled",
        )
    before = {"desired_replicas": served.desired_replicas}
    if served.desired_replicas != desired_replicas:
        served.desired_replicas = desired_replicas
        record(
            session, principal, "served_model.scale", name, before=before, after={"desired_replicas": desired_replicas}
        )
        hurry(session)
    return served


@dataclass(frozen=True, kw_only=True)
class Autoscaling:
    """`target_per_replica`: requests at once for one replica; `idle_seconds`: without any until it sleeps."""

    min_replicas: int = 1
    max_replicas: int = 1
    target_per_replica: int = 16
    idle_seconds: int = 600


def autoscale(
    session: Session, principal: Principal, name: str, wanted: Autoscaling | None, *, managed_by: ManagedBy | None
) -> ServedModel:
    """Let the load decide between min and max; None gives the number back to the admin."""
    served = find(session, name)
    refuse_foreign_owner(served, managed_by)
    if served.desired_state is DesiredState.REMOVED:
        raise Conflict(f"{name} is being removed.", hint="Deploy it again when it is gone.", code="being_removed")
    before = autoscaling_of(served)
    if before == wanted:
        return served
    served.min_replicas = wanted.min_replicas if wanted else None
    served.max_replicas = wanted.max_replicas if wanted else None
    served.target_per_replica = wanted.target_per_replica if wanted else None
    served.idle_seconds = wanted.idle_seconds if wanted else None
    if wanted is not None:
        served.desired_replicas = min(max(served.desired_replicas, wanted.min_replicas), wanted.max_replicas)
    record(
        session,
        principal,
        "served_model.autoscale",
        name,
        before=asdict(before) if before else {},
        after=asdict(wanted) if wanted else {},
    )
    hurry(session)
    return served


def autoscaling_of(served: ServedModel) -> Autoscaling | None:
    if served.max_replicas is None:
        return None
    default = Autoscaling()
    return Autoscaling(
        min_replicas=served.min_replicas if served.min_replicas is not None else default.min_replicas,
        max_replicas=served.max_replicas,
        target_per_replica=served.target_per_replica or default.target_per_replica,
        idle_seconds=served.idle_seconds or default.idle_seconds,
    )


def remove(session: Session, principal: Principal, name: str, *, managed_by: ManagedBy | None) -> ServedModel:
    """Drain and remove: new requests are refused at once, running ones may end. Again changes nothing."""
    served = find(session, name)
    refuse_foreign_owner(served, managed_by)
    if served.desired_state is not DesiredState.REMOVED:
        served.desired_state = DesiredState.REMOVED
        record(session, principal, "served_model.remove", name, before={"desired_replicas": served.desired_replicas})
        hurry(session)
    return served


def refuse_foreign_owner(served: ServedModel, managed_by: ManagedBy | None) -> None:
    """Helm owns what it made: the next `helm upgrade` would revert the change. Console and CLI share theirs."""
    if served.managed_by is ManagedBy.HELM and managed_by is not ManagedBy.HELM:
        raise Forbidden(
            f"{served.name} is managed by helm.", hint="Change it in the chart's values and run `helm upgrade`."
        )


def hurry(session: Session) -> None:
    nudge(session, SERVE)
    nudge(session, SNAPSHOT)
