"""The principal of a request and what proves it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

SESSION_COOKIE = "ts_session"


class Role(StrEnum):
    """A user's role in the organization. `policy` says what each may do."""

    OWNER = "owner"
    ADMIN = "admin"
    OPERATOR = "operator"
    DEVELOPER = "developer"
    VIEWER = "viewer"
    AUDITOR = "auditor"


class ProjectRole(StrEnum):
    """A user's or a service account's role in one project."""

    ADMIN = "admin"
    DEVELOPER = "developer"
    VIEWER = "viewer"


class PrincipalKind(StrEnum):
    USER = "user"
    NODE = "node"
    SYSTEM = "system"


class Via(StrEnum):
    """What proved who asks."""

    SESSION = "session"
    TOKEN = "token"  # noqa: S105  the kind of proof, not one
    ADMIN_KEY = "admin_key"
    API_KEY = "api_key"
    INVITE = "invite"


@dataclass(frozen=True, kw_only=True)
class Reach:
    """Where a permission holds: in every project, or in these."""

    everywhere: bool = False
    projects: frozenset[UUID] = frozenset()

    def covers(self, project_id: UUID) -> bool:
        return self.everywhere or project_id in self.projects


EVERYWHERE = Reach(everywhere=True)


@dataclass(frozen=True, kw_only=True)
class Principal:
    """Who acts. A node and the system itself have no user and no role; neither has a service account, whose key acts.

    `reach` is where the permission holds that the endpoint asked for. `proof_id` is the public id of the key or the
    session that proved it.
    """

    kind: PrincipalKind
    user_id: UUID | None = None
    role: Role | None = None
    name: str = ""
    projects: Mapping[UUID, ProjectRole] = field(default_factory=dict[UUID, ProjectRole])
    only_reads: bool = False
    must_change_password: bool = False
    via: Via | None = None
    proof_id: str | None = None
    request_id: str | None = None
    address: str | None = None
    reach: Reach = EVERYWHERE


SYSTEM = Principal(kind=PrincipalKind.SYSTEM, name="system")
"""The actor of what reconcilers and first-run seeding do."""


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """What a request brought along; at most one of them counts, the bearer token first."""

    bearer: str | None
    session_token: str | None
    request_id: str | None
    address: str | None
