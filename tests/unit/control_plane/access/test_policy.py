"""The table of roles: what each may do, where, and what nobody may."""

from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from control_plane.access.domain import SYSTEM, Principal, PrincipalKind, ProjectRole, Role, Via
from control_plane.access.policy import IN_PROJECT, ORGANIZATION, Permission, may, may_give, narrowed, reach_of

OURS, THEIRS = uuid4(), uuid4()


def user(role: Role | None, **projects: ProjectRole) -> Principal:
    places = {"ours": OURS, "theirs": THEIRS}
    members = {places[name]: project_role for name, project_role in projects.items()}
    return Principal(kind=PrincipalKind.USER, user_id=UUID(int=1), role=role, projects=members)


def test_every_role_is_in_the_table() -> None:
    assert set(ORGANIZATION) == set(Role)
    assert set(IN_PROJECT) == set(ProjectRole)


@pytest.mark.parametrize("role", list(Role))
def test_no_role_reports_as_a_node_or_accepts_an_invite(role: Role) -> None:
    assert reach_of(user(role), Permission.NODE_REPORT) is None
    assert reach_of(user(role), Permission.INVITE_ACCEPT) is None


def test_an_auditor_reads_everything_and_changes_nothing() -> None:
    auditor = user(Role.AUDITOR)
    for permission in Permission:
        expected = permission.is_read or permission is Permission.SELF
        assert (reach_of(auditor, permission) is not None) is expected, permission


def test_a_viewer_changes_nothing_but_the_own_login() -> None:
    allowed = {permission for permission in Permission if reach_of(user(Role.VIEWER), permission) is not None}
    assert {permission for permission in allowed if not permission.is_read} == {Permission.SELF}


def test_a_developer_makes_keys_in_own_projects_only() -> None:
    developer = user(Role.DEVELOPER, ours=ProjectRole.VIEWER)
    assert may(developer, Permission.KEYS_WRITE, project_id=OURS)
    assert not may(developer, Permission.KEYS_WRITE, project_id=THEIRS)
    nobody = reach_of(user(Role.DEVELOPER), Permission.KEYS_WRITE)
    assert nobody is not None
    assert not nobody.projects, "a member of nothing reaches nothing, and sees empty lists"


def test_a_project_admin_rules_that_project_whatever_the_role_in_the_organization() -> None:
    admin = user(Role.VIEWER, ours=ProjectRole.ADMIN, theirs=ProjectRole.VIEWER)
    assert may(admin, Permission.MEMBERS_WRITE, project_id=OURS)
    assert not may(admin, Permission.MEMBERS_WRITE, project_id=THEIRS)
    assert reach_of(admin, Permission.USERS_WRITE) is None
    assert reach_of(user(Role.VIEWER, theirs=ProjectRole.VIEWER), Permission.MEMBERS_WRITE) is None


def test_a_service_account_is_in_its_project_and_nowhere_else() -> None:
    account = user(None, ours=ProjectRole.DEVELOPER)
    assert may(account, Permission.USAGE_READ, project_id=OURS)
    assert reach_of(account, Permission.NODES_READ) is None
    assert reach_of(replace(account, only_reads=True), Permission.KEYS_WRITE) is None
    assert reach_of(replace(account, only_reads=True), Permission.KEYS_READ) is not None


def test_a_node_reports_an_invited_person_accepts_and_the_system_does_all() -> None:
    node = Principal(kind=PrincipalKind.NODE)
    invited = Principal(kind=PrincipalKind.USER, via=Via.INVITE)
    assert [p for p in Permission if reach_of(node, p)] == [Permission.NODE_REPORT]
    assert [p for p in Permission if reach_of(invited, p)] == [Permission.INVITE_ACCEPT]
    assert all(reach_of(SYSTEM, permission) for permission in Permission)


@pytest.mark.parametrize("role", list(Role))
def test_only_owners_and_admins_give_roles_and_only_owners_make_owners(role: Role) -> None:
    assert may_give(Role.OWNER, role)
    assert may_give(Role.ADMIN, role) is (role is not Role.OWNER)
    for giver in (Role.OPERATOR, Role.DEVELOPER, Role.VIEWER, Role.AUDITOR, None):
        assert not may_give(giver, role)


@pytest.mark.parametrize(
    ("wanted", "owner", "today"),
    [
        (Role.OWNER, Role.OWNER, Role.OWNER),
        (Role.OWNER, Role.ADMIN, Role.ADMIN),
        (Role.AUDITOR, Role.OWNER, Role.AUDITOR),
        (Role.VIEWER, Role.OPERATOR, Role.VIEWER),
        (Role.OPERATOR, Role.VIEWER, Role.VIEWER),
        (Role.OPERATOR, Role.AUDITOR, Role.AUDITOR),
        (Role.ADMIN, Role.OPERATOR, Role.OPERATOR),
    ],
)
def test_an_admin_key_never_has_more_than_its_user(wanted: Role, owner: Role, today: Role) -> None:
    assert narrowed(wanted, owner=owner) is today
