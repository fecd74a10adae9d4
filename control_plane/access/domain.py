"""The principal of a request and what proves it."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

SESSION_COOKIE = "ts_session"


class Role(StrEnum):
    """A user's role in the organization, spelt as OpenAI's admin API spells it."""

    OWNER = "owner"
    READER = "reader"


class PrincipalKind(StrEnum):
    USER = "user"
    NODE = "node"
    SYSTEM = "system"


@dataclass(frozen=True, kw_only=True)
class Principal:
    """Who acts. A node and the system itself have no user and no role."""

    kind: PrincipalKind
    user_id: UUID | None = None
    role: Role | None = None
    name: str = ""
    request_id: str | None = None
    address: str | None = None


SYSTEM = Principal(kind=PrincipalKind.SYSTEM, name="system")
"""The actor of what reconcilers and first-run seeding do."""


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """What a request brought along; at most one of them counts, the bearer token first."""

    bearer: str | None
    session_token: str | None
    request_id: str | None
    address: str | None
