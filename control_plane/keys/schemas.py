"""API keys on the wire."""

from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from appliance.base.ids import public_id
from control_plane.keys.tables import ApiKey


class KeyRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=200)
    project_id: str | None = Field(None, description="`proj-...`; the default project when left out.")
    allowed_models: list[str] | None = Field(None, max_length=1000, description="Public names; null allows all.")
    expires_at: int | None = Field(None, gt=0, lt=253402300800, description="Unix seconds; null never expires.")

    @property
    def expiry(self) -> datetime | None:
        return datetime.fromtimestamp(self.expires_at, UTC) if self.expires_at is not None else None


class KeyAnswer(BaseModel):
    """A key without its secret; `redacted` shows enough to tell keys apart."""

    object: Literal["api_key"] = "api_key"
    id: str
    name: str
    project_id: str
    user_id: str | None
    redacted: str
    allowed_models: list[str] | None
    created_at: int
    expires_at: int | None
    revoked_at: int | None


class CreatedKeyAnswer(KeyAnswer):
    """The only answer that ever holds the secret."""

    secret: str


def key_answer(key: ApiKey) -> KeyAnswer:
    return KeyAnswer(
        id=public_id("key", key.id),
        name=key.name,
        project_id=public_id("proj", key.project_id),
        user_id=public_id("user", key.user_id) if key.user_id else None,
        redacted=f"sk-ts-{key.display_id}-...",
        allowed_models=key.allowed_models,
        created_at=int(key.created_at.timestamp()),
        expires_at=int(key.expires_at.timestamp()) if key.expires_at else None,
        revoked_at=int(key.revoked_at.timestamp()) if key.revoked_at else None,
    )
