"""Who may do what: one table. Pure. What is not in it is denied.

A permission holds everywhere (by the role in the organization), or in the projects of which somebody is a member (by
the role in that project, and by what the role in the organization grants to its members); the larger of both counts.
docs/operations/users_and_keys.md shows the table for people; `tests/contracts/test_authorization.py` tries every
operation with every role.
"""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from control_plane.access.domain import EVERYWHERE, Principal, PrincipalKind, ProjectRole, Reach, Role, Via


class Permission(StrEnum):
    SELF = "self"
    ORGANIZATION_READ = "organization.read"
    ORGANIZATION_WRITE = "organization.write"
    USERS_READ = "users.read"
    USERS_WRITE = "users.write"
    PROJECTS_READ = "projects.read"
    PROJECTS_CREATE = "projects.create"
    PROJECTS_WRITE = "projects.write"
    MEMBERS_READ = "members.read"
    MEMBERS_WRITE = "members.write"
    SERVICE_ACCOUNTS_READ = "service_accounts.read"
    SERVICE_ACCOUNTS_WRITE = "service_accounts.write"
    KEYS_READ = "keys.read"
    KEYS_WRITE = "keys.write"
    KEYS_OF_OTHERS_WRITE = "keys_of_others.write"
    ADMIN_KEYS_READ = "admin_keys.read"
    ADMIN_KEYS_WRITE = "admin_keys.write"
    AUDIT_READ = "audit.read"
    NODES_READ = "nodes.read"
    NODES_WRITE = "nodes.write"
    CATALOGUE_READ = "catalogue.read"
    CATALOGUE_WRITE = "catalogue.write"
    VERSIONS_READ = "versions.read"
    VERSIONS_WRITE = "versions.write"
    SERVED_MODELS_READ = "served_models.read"
    SERVED_MODELS_WRITE = "served_models.write"
    LICENCES_READ = "licences.read"
    LICENCES_WRITE = "licences.write"
    JOBS_READ = "jobs.read"
    JOBS_WRITE = "jobs.write"
    USAGE_READ = "usage.read"
    SYSTEM_READ = "system.read"
    NODE_REPORT = "node.report"
    INVITE_ACCEPT = "invite.accept"

    @property
    def is_read(self) -> bool:
        return self.value.endswith(".read")


P = Permission

LOOK = frozenset(
    {P.SELF, P.ORGANIZATION_READ, P.NODES_READ, P.CATALOGUE_READ, P.LICENCES_READ, P.SYSTEM_READ}
)  # fmt: skip
"""What everybody of the organization sees."""

IN_PROJECT: dict[ProjectRole, frozenset[Permission]] = {
    ProjectRole.VIEWER: frozenset(
        {P.PROJECTS_READ, P.MEMBERS_READ, P.JOBS_READ, P.USAGE_READ, P.VERSIONS_READ, P.SERVED_MODELS_READ}
    )
}
"""Versions and served models of the default project are the organization's shared ones: who may look at any sees them.
"""
IN_PROJECT[ProjectRole.DEVELOPER] = IN_PROJECT[ProjectRole.VIEWER] | {
    P.KEYS_READ, P.KEYS_WRITE, P.SERVICE_ACCOUNTS_READ, P.JOBS_WRITE
}  # fmt: skip
IN_PROJECT[ProjectRole.ADMIN] = IN_PROJECT[ProjectRole.DEVELOPER] | {
    P.PROJECTS_WRITE, P.MEMBERS_WRITE, P.SERVICE_ACCOUNTS_WRITE, P.KEYS_OF_OTHERS_WRITE
}  # fmt: skip


@dataclass(frozen=True)
class Grants:
    """`everywhere`, and `as_member` in every project of which one is a member."""

    everywhere: frozenset[Permission]
    as_member: frozenset[Permission] = frozenset()


VIEWS = IN_PROJECT[ProjectRole.VIEWER]
ALL_OF_USERS = frozenset(P) - {P.NODE_REPORT, P.INVITE_ACCEPT}
ORGANIZATION: dict[Role, Grants] = {
    Role.OWNER: Grants(ALL_OF_USERS),
    Role.ADMIN: Grants(ALL_OF_USERS),
    Role.OPERATOR: Grants(
        LOOK | VIEWS | {P.NODES_WRITE, P.CATALOGUE_WRITE, P.VERSIONS_WRITE, P.SERVED_MODELS_WRITE, P.JOBS_WRITE},
        as_member=IN_PROJECT[ProjectRole.DEVELOPER],
    ),
    Role.DEVELOPER: Grants(LOOK, as_member=IN_PROJECT[ProjectRole.DEVELOPER]),
    Role.VIEWER: Grants(LOOK, as_member=VIEWS),
    Role.AUDITOR: Grants(LOOK | {permission for permission in P if permission.is_read}),
}
"""An admin differs from an owner in whom it may touch: `may_give`."""


def reach_of(principal: Principal, permission: Permission) -> Reach | None:
    """Where it holds; None where the door stays shut. A member of no project still sees its own, empty lists."""
    if principal.kind is PrincipalKind.SYSTEM:
        return EVERYWHERE
    if principal.kind is PrincipalKind.NODE:
        return EVERYWHERE if permission is P.NODE_REPORT else None
    if principal.via is Via.INVITE:
        return EVERYWHERE if permission is P.INVITE_ACCEPT else None
    if principal.only_reads and not permission.is_read:
        return None
    grants = ORGANIZATION[principal.role] if principal.role else Grants(frozenset())
    if permission in grants.everywhere:
        return EVERYWHERE
    projects = frozenset(
        project
        for project, role in principal.projects.items()
        if permission in IN_PROJECT[role] or permission in grants.as_member
    )
    return Reach(projects=projects) if projects or permission in grants.as_member else None


def may(principal: Principal, permission: Permission, *, project_id: UUID) -> bool:
    reach = reach_of(principal, permission)
    return reach is not None and reach.covers(project_id)


def may_give(giver: Role | None, role: Role) -> bool:
    """Whether one with the role `giver` may hand out `role`, or touch an account that has it: an owner all of them, an
    admin all but owner, nobody else any.
    """
    return giver is Role.OWNER or (giver is Role.ADMIN and role is not Role.OWNER)


def narrowed(wanted: Role, *, owner: Role) -> Role:
    """The role of an admin key whose owner has the role `owner` today: never more than the owner's."""
    wide, narrow = ORGANIZATION[owner], ORGANIZATION[wanted]
    is_within = narrow.everywhere <= wide.everywhere and narrow.as_member <= wide.everywhere | wide.as_member
    return wanted if is_within and (wanted is not Role.OWNER or owner is Role.OWNER) else owner
