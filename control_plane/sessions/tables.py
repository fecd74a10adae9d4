"""Tables of passwords, login sessions and tokens."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from control_plane.database.base import Base, Row, text_enum


class TokenKind(StrEnum):
    ADMIN = "admin"
    NODE = "node"


class PasswordCredential(Row, Base):
    """A user's argon2id hash and the count of wrong tries since the last right one."""

    __tablename__ = "password_credentials"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), unique=True)
    password_hash: Mapped[str]
    failed_count: Mapped[int] = mapped_column(default=0, server_default="0")
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
