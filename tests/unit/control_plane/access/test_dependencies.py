"""Who is let in where."""

import pytest
from starlette.requests import Request

from appliance.base.errors import Forbidden
from control_plane.access.dependencies import current_admin, current_node, current_user, refuse_foreign_origin
from control_plane.access.domain import SYSTEM, Principal, PrincipalKind, Role

OWNER = Principal(kind=PrincipalKind.USER, role=Role.OWNER)
READER = Principal(kind=PrincipalKind.USER, role=Role.READER)
NODE = Principal(kind=PrincipalKind.NODE)


def test_each_door_opens_for_its_own() -> None:
    assert current_admin(OWNER) is OWNER
    assert current_user(READER) is READER
    assert current_node(NODE) is NODE


@pytest.mark.parametrize("principal", [READER, NODE, SYSTEM])
def test_only_an_owner_is_an_admin(principal: Principal) -> None:
    with pytest.raises(Forbidden):
        current_admin(principal)


@pytest.mark.parametrize("principal", [OWNER, READER, SYSTEM])
def test_only_a_node_is_a_node(principal: Principal) -> None:
    with pytest.raises(Forbidden):
        current_node(principal)


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
