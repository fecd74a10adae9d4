"""What an admin decides about routes. Each change is a row, an audit entry and a nudge to the snapshot."""

from uuid import UUID

from sqlalchemy.orm import Session

from appliance.base.errors import BadRequest, NotFound
from appliance.base.ids import parse_public_id
from control_plane.access.domain import Principal
from control_plane.audit.service import record
from control_plane.database.nudge import SNAPSHOT
from control_plane.database.session import nudge
from control_plane.public_names.repository import is_taken, name_taken, take
from control_plane.routes import endpoint_service, repository
from control_plane.routes.domain import StoredShadow, StoredTarget, Tiers, read_tiers, stored
from control_plane.routes.schemas import RouteRequest, TargetRequest, route_answer
from control_plane.routes.tables import RouteRow
from control_plane.served_models.repository import all_served
from control_plane.served_models.service import find as find_served
from control_plane.tenants.repository import project_by_id


def find(session: Session, name: str, *, for_change: bool = False) -> RouteRow:
    row = repository.route_by_name(session, name, for_change=for_change)
    if row is None:
        raise NotFound(f"There is no route {name[:80]!r}.", hint="See `appliance routes list`.", param="name")
    return row


def names_of(session: Session) -> dict[UUID, str]:
    """Of everything that a route may lead to."""
    return {**{served.id: served.name for served in all_served(session)}, **repository.endpoint_names(session)}


def create(session: Session, principal: Principal, name: str, wanted: RouteRequest) -> RouteRow:
    """Raises BadRequest where the name is taken, by a route or a served model."""
    if is_taken(session, name):
        raise name_taken(name)
    row = RouteRow(name=name)
    fill(session, row, wanted)
    session.add(row)
    session.flush()
    take(session, name, route_id=row.id)
    record(session, principal, "route.create", name, after=shown(session, row))
    nudge(session, SNAPSHOT)
    return row


def replace(session: Session, principal: Principal, name: str, wanted: RouteRequest) -> RouteRow:
    row = find(session, name, for_change=True)
    before = shown(session, row)
    fill(session, row, wanted)
    session.flush()
    record(session, principal, "route.replace", name, before=before, after=shown(session, row))
    nudge(session, SNAPSHOT)
    return row


def set_weights(session: Session, principal: Principal, name: str, weights: dict[str, int]) -> RouteRow:
    """Of the targets that are named; the others keep theirs. Raises BadRequest for one that is not there."""
    row = find(session, name, for_change=True)
    names, tiers = names_of(session), read_tiers(row.tiers)
    known = {target.name(names) for tier in tiers for target in tier}
    unknown = [one for one in weights if one not in known]
    if unknown:
        raise BadRequest(
            f"{name} does not lead to {unknown[0][:80]!r}.", hint=f"It leads to {', '.join(sorted(known))}.",
            param="weights",
        )  # fmt: skip
    before = shown(session, row)
    changed: Tiers = tuple(
        tuple(target.model_copy(update={"weight": weights.get(target.name(names), target.weight)}) for target in tier)
        for tier in tiers
    )
    row.tiers = stored(changed)
    require_traffic(changed)
    record(session, principal, "route.weights", name, before=before, after=shown(session, row))
    nudge(session, SNAPSHOT)
    return row


def remove(session: Session, principal: Principal, name: str) -> RouteRow:
    row = find(session, name, for_change=True)
    record(session, principal, "route.remove", name, before=shown(session, row))
    session.delete(row)
    nudge(session, SNAPSHOT)
    return row


def fill(session: Session, row: RouteRow, wanted: RouteRequest) -> None:
    tiers: Tiers = tuple(tuple(target_of(session, one) for one in tier) for tier in wanted.tiers)
    require_traffic(tiers)
    require_different(tiers)
    shadow = StoredShadow(target=target_of(session, wanted.shadow.target), percent=wanted.shadow.percent) if (
        wanted.shadow) else None  # fmt: skip
    row.task = task_of(session, [target for tier in tiers for target in tier], said=wanted.task)
    row.project_id = project_of(session, wanted.project_id)
    row.max_model_len, row.sticky, row.balance = wanted.max_model_len, wanted.sticky, wanted.balance
    row.retry_percent = wanted.retry_percent
    row.tiers = stored(tiers)
    row.shadow = shadow.model_dump(mode="json", exclude_none=True) if shadow else None


def target_of(session: Session, wanted: TargetRequest) -> StoredTarget:
    """Raises NotFound where it leads nowhere."""
    if wanted.served_model is not None:
        served = find_served(session, wanted.served_model)
        return StoredTarget(served_model_id=served.id, adapter=wanted.adapter, weight=wanted.weight)
    endpoint = endpoint_service.find(session, wanted.endpoint or "")
    return StoredTarget(endpoint_id=endpoint.id, model=wanted.model, weight=wanted.weight)


def require_traffic(tiers: Tiers) -> None:
    if not any(target.weight for tier in tiers for target in tier):
        raise BadRequest("All weights are 0: no request could be answered.", param="tiers")


def require_different(tiers: Tiers) -> None:
    for tier in tiers:
        ids = [target.target_id for target in tier]
        if len(set(ids)) != len(ids):
            raise BadRequest("A target stands twice in one tier.", param="tiers")


def task_of(session: Session, targets: list[StoredTarget], *, said: str | None) -> str:
    """All served models of a route are for the same task."""
    used = {target.served_model_id for target in targets}
    tasks = {served.task for served in all_served(session) if served.id in used}
    if said is not None:
        tasks.add(said)
    if len(tasks) > 1:
        raise BadRequest(f"A route cannot mix models for {' and '.join(sorted(tasks))}.", param="tiers")
    return next(iter(tasks), "chat")


def project_of(session: Session, text: str | None) -> UUID | None:
    if text is None:
        return None
    key = parse_public_id("proj", text)
    if key is None or project_by_id(session, key) is None:
        raise BadRequest("`project_id` is not the id of a project.", param="project_id")
    return key


def shown(session: Session, row: RouteRow) -> dict[str, object]:
    """For the audit log: what an admin would see."""
    if row.created_at is None:  # pyright: ignore[reportUnnecessaryComparison]  before its flush
        session.flush()
    return route_answer(row, names=names_of(session)).model_dump(mode="json", exclude={"object", "created_at"})
