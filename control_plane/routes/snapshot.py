"""Routes and endpoints as the gateways' snapshot has them."""

from collections.abc import Sequence
from uuid import UUID

from appliance.base.contracts.routes import ExternalEndpoint, Route, Shadow
from appliance.base.contracts.snapshot import SnapshotModel
from appliance.base.ids import public_id
from control_plane.routes.domain import UNKNOWN_CONTEXT, StoredShadow, read_tiers
from control_plane.routes.tables import ExternalEndpointRow, RouteRow


def snapshot_route(row: RouteRow, *, names: dict[UUID, str]) -> Route:
    """`names` of what is there: a target that has gone is left out, and a tier without any with it."""
    found = [[target.target(names) for target in tier] for tier in read_tiers(row.tiers)]
    tiers = [tuple(target for target in tier if target is not None) for tier in found]
    return Route.model_validate(
        {
            "name": row.name,
            "route_id": public_id("rte", row.id),
            "tiers": tuple(tier for tier in tiers if tier),
            "sticky": row.sticky,
            "balance": row.balance,
            "shadow": snapshot_shadow(row, names=names),
            "retry_percent": row.retry_percent,
        }
    )


def snapshot_shadow(row: RouteRow, *, names: dict[UUID, str]) -> Shadow | None:
    if row.shadow is None:
        return None
    shadow = StoredShadow.model_validate(row.shadow)
    target = shadow.target.target(names)
    return Shadow(target=target, percent=shadow.percent) if target is not None else None


def route_model(row: RouteRow, route: Route, *, models: Sequence[SnapshotModel], owner: str) -> SnapshotModel:
    """The route's name as a model: for lists, keys and limits. The shortest context among its targets is its own."""
    by_id = {model.served_model_id: model for model in models}
    targets = [target for tier in route.tiers for target in tier]
    served = [by_id[target.served_model_id] for target in targets if target.served_model_id in by_id]
    longest = min((model.max_model_len for model in served), default=UNKNOWN_CONTEXT)
    return SnapshotModel(
        name=row.name,
        served_model_id=served[0].served_model_id if served else "",
        project_id=public_id("proj", row.project_id) if row.project_id else None,
        task="embedding" if row.task == "embedding" else "chat",
        max_model_len=min(row.max_model_len, longest) if row.max_model_len and served else row.max_model_len or longest,
        owned_by=owner,
        created=int(row.created_at.timestamp()),
    )


def snapshot_endpoint(row: ExternalEndpointRow) -> ExternalEndpoint:
    return ExternalEndpoint.model_validate(
        {
            "endpoint_id": public_id("end", row.id),
            "name": row.name,
            "kind": row.kind,
            "base_url": row.base_url,
            "sealed_key": row.sealed_key,
            "allow_private": row.allow_private,
            "ca_certificates": row.ca_certificates,
            "connect_timeout_seconds": row.connect_timeout_seconds,
            "first_byte_timeout_seconds": row.first_byte_timeout_seconds,
            "max_concurrent": row.max_concurrent,
        }
    )
