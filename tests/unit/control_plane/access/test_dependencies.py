"""Who is let in where."""

import pytest
from starlette.requests import Request

from appliance.base.errors import Forbidden
from control_plane.access.dependencies import admitted, refuse_foreign_origin
from control_plane.access.domain import SYSTEM, Principal, PrincipalKind, Role
from control_plane.access.policy import Permission

USER = Principal(kind=PrincipalKind.USER, user_id=SYSTEM.user_id, role=Role.VIEWER)
NODE = Principal(kind=PrincipalKind.NODE)


def test_the_door_passes_on_where_the_permission_holds() -> None:
    assert admitted(USER, Permission.NODES_READ).reach.everywhere
    assert not admitted(USER, Permission.USAGE_READ).reach.everywhere
    assert admitted(NODE, Permission.NODE_REPORT).kind is PrincipalKind.NODE


@pytest.mark.parametrize(
    ("principal", "permission"),
    [
        (USER, Permission.NODES_WRITE),
        (USER, Permission.NODE_REPORT),
        (NODE, Permission.NODES_READ),
        (USER, Permission.SELF),
    ],
)
def test_others_are_refused_with_the_permissions_name(principal: Principal, permission: Permission) -> None:
    with pytest.raises(Forbidden, match=permission.value):
        admitted(principal, permission)


def request(method: str, site: str | None) -> Request:
    headers = [(b"sec-fetch-site", site.encode())] if site else []
    return Request({"type": "http", "method": method, "headers": headers})


@pytest.mark.parametrize(
    ("method", "site"), [("POST", None), ("POST", "same-origin"), ("POST", "none"), ("GET", "cross-site")]
)
def test_our_own_pages_and_plain_clients_pass(method: str, site: str | None) -> None:
    assert refuse_foreign_origin(request(method, site)) is None


@pytest.mark.parametrize(("method", "site"), [("POST", "same-site"), ("DELETE", "cross-site")])
def test_changes_from_other_sites_do_not(method: str, site: str) -> None:
    with pytest.raises(Forbidden):
        refuse_foreign_origin(request(method, site))
