"""Tables of API keys and of their last use."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from control_plane.database.base import Base, Row


class ApiKey(Row, Base):
    """`display_id` is the readable part of the secret, `digest` the SHA-256 of the whole, hexadecimal.

    Belongs to a user or a service account, or to nobody. After a rotation `previous_digest` lives until
    `previous_expires_at`. `scopes` null: all of the data path; `allowed_networks` null: from everywhere.
    """

    __tablename__ = "api_keys"

    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id"), index=True)
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"), index=True)
    service_account_id: Mapped[UUID | None] = mapped_column(ForeignKey("service_accounts.id"), index=True)
    name: Mapped[str]
    display_id: Mapped[str] = mapped_column(unique=True)
    digest: Mapped[str] = mapped_column(unique=True)
    allowed_models: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    scopes: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    allowed_networks: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    previous_digest: Mapped[str | None] = mapped_column(unique=True)
    previous_expires_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class KeyUse(Base):
    """When a key was last used, as the usage records tell: a table of its own, so that it does not rewrite keys."""

    __tablename__ = "key_uses"

    key_id: Mapped[UUID] = mapped_column(ForeignKey("api_keys.id", ondelete="CASCADE"), primary_key=True)
    last_used_at: Mapped[datetime]
