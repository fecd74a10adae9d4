"""Tables of passwords, wrong logins, login sessions, tokens and admin keys."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from control_plane.access.domain import Role
from control_plane.database.base import Base, Row, text_enum


class TokenKind(StrEnum):
    ADMIN = "admin"
    NODE = "node"


class Tried(StrEnum):
    """What wrong logins are counted by."""

    NAME = "name"
    ADDRESS = "address"


class PasswordCredential(Row, Base):
    """A user's argon2id hash. The version before counts wrong tries here, this one in `login_failures`."""

    __tablename__ = "password_credentials"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), unique=True)
    password_hash: Mapped[str]
    failed_count: Mapped[int] = mapped_column(default=0, server_default="0")
    locked_until: Mapped[datetime | None]
    must_change: Mapped[bool] = mapped_column(default=False, server_default="false")


class LoginFailure(Row, Base):
    """Wrong logins in a row under one name, known or not, or from one address; `subject` is the digest of it."""

    __tablename__ = "login_failures"
    __table_args__ = (UniqueConstraint("tried", "subject"),)

    tried: Mapped[Tried] = mapped_column(text_enum(Tried))
    subject: Mapped[str]
    failed_count: Mapped[int] = mapped_column(default=0)
    failed_at: Mapped[datetime] = mapped_column(index=True)
    locked_until: Mapped[datetime | None]


class LoginSession(Row, Base):
    """A browser's login; `token_digest` is the SHA-256 of the cookie."""

    __tablename__ = "login_sessions"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    token_digest: Mapped[str] = mapped_column(unique=True)
    expires_at: Mapped[datetime]
    address: Mapped[str | None]


class AccessToken(Row, Base):
    """A token for the admin API (acts as `user_id`) or for nodes; `token_digest` is its SHA-256."""

    __tablename__ = "access_tokens"

    kind: Mapped[TokenKind] = mapped_column(text_enum(TokenKind))
    name: Mapped[str]
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    token_digest: Mapped[str] = mapped_column(unique=True)
    revoked_at: Mapped[datetime | None]


class AdminKey(Row, Base):
    """A key for the admin API and `/v1/organization`; acts for its user with `role`, at most with the user's own."""

    __tablename__ = "admin_keys"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    role: Mapped[Role] = mapped_column(text_enum(Role))
    display_id: Mapped[str] = mapped_column(unique=True)
    digest: Mapped[str] = mapped_column(unique=True)
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
