"""In which order the targets of a route are tried for one request. Pure."""

from collections.abc import Callable
from dataclasses import dataclass

from appliance.base.contracts.routes import SESSION_HEADER, Route, Target
from appliance.gateway.metering import Admitted
from appliance.gateway.routing.weights import in_order_of_chance, in_order_of_key

SESSION = SESSION_HEADER.encode()


@dataclass(frozen=True)
class Plan:
    """`targets` in the order of trying: within the first tier by weight or key, then the next tier's."""

    route: Route
    targets: tuple[Target, ...]


def make_plan(route: Route, request: Admitted, *, chance: Callable[[], float]) -> Plan:
    tiers = route.tiers
    if len(tiers) == 1 and len(tiers[0]) == 1:
        targets = tuple(target for target in tiers[0] if target.weight)
    elif route.sticky == "none":
        targets = tuple(target for tier in tiers for target in in_order_of_chance(tier, chance=chance()))
    else:
        key = f"{route.route_id} {sticky_key(route, request)}"
        targets = tuple(target for tier in tiers for target in in_order_of_key(tier, key=key))
    return Plan(route, targets)


def sticky_key(route: Route, request: Admitted) -> str:
    """The session's name where there is one, within its project: two projects' sessions have nothing in common."""
    if route.sticky == "session":
        for name, value in request.headers:
            if name == SESSION:
                return f"{request.key.project_id} {value.decode('latin-1')}"
        if request.parsed.user:
            return f"{request.key.project_id} {request.parsed.user}"
    return request.key.key_id
