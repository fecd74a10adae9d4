"""What an admin decides about endpoints elsewhere. A key is sealed before it reaches the session."""

from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from appliance.base.contracts.routes import sealing_context
from appliance.base.errors import BadRequest, NotFound
from appliance.base.ids import new_uuid, public_id
from appliance.base.sealing import Sealer
from appliance.weights.urls import UrlGuard
from control_plane.access.domain import Principal
from control_plane.audit.service import record
from control_plane.database.nudge import SNAPSHOT
from control_plane.database.session import nudge
from control_plane.routes import repository
from control_plane.routes.domain import StoredShadow, read_tiers
from control_plane.routes.schemas import EndpointRequest, endpoint_answer
from control_plane.routes.tables import ExternalEndpointRow


def find(session: Session, name: str) -> ExternalEndpointRow:
    row = repository.endpoint_by_name(session, name)
    if row is None:
        raise NotFound(f"There is no endpoint {name[:80]!r}.", hint="See `appliance endpoints list`.", param="name")
    return row


def create(session: Session, principal: Principal, wanted: EndpointRequest, *, sealer: Sealer) -> ExternalEndpointRow:
    """Raises BadRequest for a taken name, an address that is not allowed, a key that is none, and a wire that the
    gateway does not speak to endpoints yet.
    """
    if wanted.kind != "openai":
        raise BadRequest(
            "Endpoints that speak Anthropic's API are not supported yet.",
            hint="Use one that speaks OpenAI's.",
            param="kind",
            code="not_supported",
        )
    if repository.endpoint_by_name(session, wanted.name) is not None:
        raise BadRequest(f"There is an endpoint {wanted.name!r} already.", param="name", code="name_taken")
    check_address(wanted.base_url, allow_private=wanted.allow_private)
    row = ExternalEndpointRow(
        id=new_uuid(),
        **wanted.model_dump(exclude={"api_key"}),
    )
    if wanted.api_key is not None:
        key = wanted.api_key.get_secret_value()
        if not key.isascii() or not key.isprintable() or " " in key:
            raise BadRequest("`api_key` holds characters that cannot stand in a header.", param="api_key")
        row.sealed_key = sealer.seal(key, context=sealing_context(public_id("end", row.id)))
    session.add(row)
    session.flush()
    record(session, principal, "endpoint.create", row.name, after=shown(row))
    nudge(session, SNAPSHOT)
    return row


def remove(session: Session, principal: Principal, name: str) -> ExternalEndpointRow:
    """Raises BadRequest where a route leads there."""
    row = find(session, name)
    for route in repository.all_routes(session):
        used = {target.endpoint_id for tier in read_tiers(route.tiers) for target in tier}
        if route.shadow is not None:
            used.add(StoredShadow.model_validate(route.shadow).target.endpoint_id)
        if row.id in used:
            raise BadRequest(
                f"The route {route.name} leads to {name}.", hint="Change the route first.", param="name", code="in_use"
            )
    record(session, principal, "endpoint.remove", name, before=shown(row))
    session.delete(row)
    nudge(session, SNAPSHOT)
    return row


def check_address(base_url: str, *, allow_private: bool) -> None:
    """Without DNS: the gateway looks at the very addresses each time it connects."""
    try:
        where = urlsplit(base_url)
        host = (where.hostname or "").casefold().rstrip(".")
        allowed = frozenset({host}) if allow_private else frozenset[str]()
        UrlGuard(allowed).check(base_url)
    except BadRequest as error:
        raise BadRequest(
            error.message,
            hint="An endpoint in your own network needs `allow_private` (`--allow-private`).",
            param="base_url",
            code="forbidden_address",
        ) from error
    except ValueError as error:
        raise BadRequest("`base_url` cannot be read.", param="base_url") from error
    if where.query or where.fragment or not base_url.isascii() or not base_url.isprintable() or " " in base_url:
        raise BadRequest("`base_url` is an address without a question or a fragment.", param="base_url")


def shown(row: ExternalEndpointRow) -> dict[str, object]:
    return endpoint_answer(row).model_dump(mode="json", exclude={"object", "created_at"})
