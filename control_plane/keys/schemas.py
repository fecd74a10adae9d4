"""API keys on the wire: ours, and as OpenAI's admin API writes those of a project.

OpenAI's shape: openai-python, `types/admin/organization/projects/project_api_key.py`.
"""

from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from appliance.base.ids import public_id
from control_plane.keys.domain import MOST_NETWORKS, MOST_OVERLAP_SECONDS, SCOPES
from control_plane.keys.service import KeyChange
from control_plane.keys.tables import ApiKey

LAST_SECOND = 253402300800
SCOPES_TEXT = f"Any of {', '.join(SCOPES)}; null is all of the data path."
NETWORKS_TEXT = "Networks (CIDR) from which the key works; null is from everywhere."


def at(unix_seconds: int | None) -> datetime | None:
    return datetime.fromtimestamp(unix_seconds, UTC) if unix_seconds is not None else None


def seconds(moment: datetime | None) -> int | None:
    return int(moment.timestamp()) if moment else None


class KeyRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=200)
    project_id: str | None = Field(None, description="`proj-...`; the default project when left out.")
    allowed_models: list[str] | None = Field(None, max_length=1000, description="Public names; null allows all.")
    scopes: list[str] | None = Field(None, max_length=len(SCOPES), description=SCOPES_TEXT)
    allowed_networks: list[str] | None = Field(None, max_length=MOST_NETWORKS, description=NETWORKS_TEXT)
    expires_at: int | None = Field(None, gt=0, lt=LAST_SECOND, description="Unix seconds; null never expires.")

    @property
    def expiry(self) -> datetime | None:
        return at(self.expires_at)


class KeyPatch(BaseModel):
    """Fields that are left out stay as they are; null lifts a restriction."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field("", min_length=1, max_length=200)
    allowed_models: list[str] | None = Field(None, max_length=1000)
    scopes: list[str] | None = Field(None, max_length=len(SCOPES), description=SCOPES_TEXT)
    allowed_networks: list[str] | None = Field(None, max_length=MOST_NETWORKS, description=NETWORKS_TEXT)
    expires_at: int | None = Field(None, gt=0, lt=LAST_SECOND)

    def change(self) -> KeyChange:
        fields = self.model_dump(exclude_unset=True)
        if "expires_at" in fields:
            fields["expires_at"] = at(self.expires_at)
        return KeyChange(fields=fields)


class RotateRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    overlap_seconds: int = Field(
        86400, ge=0, le=MOST_OVERLAP_SECONDS, description="How long the old secret goes on working beside the new one."
    )


class KeyAnswer(BaseModel):
    """A key without its secret; `redacted` shows enough to tell keys apart. `previous_expires_at` is when the secret
    before the last rotation ends.
    """

    object: Literal["api_key"] = "api_key"
    id: str
    name: str
    project_id: str
    user_id: str | None
    service_account_id: str | None
    redacted: str
    allowed_models: list[str] | None
    scopes: list[str] | None
    allowed_networks: list[str] | None
    created_at: int
    expires_at: int | None
    previous_expires_at: int | None
    last_used_at: int | None
    revoked_at: int | None


class CreatedKeyAnswer(KeyAnswer):
    """The only answer that ever holds the secret."""

    secret: str


class OwnerUser(BaseModel):
    id: str
    name: str
    email: str
    created_at: int
    role: str


class OwnerAccount(BaseModel):
    id: str
    name: str
    created_at: int
    role: str


class Owner(BaseModel):
    type: Literal["user", "service_account"] | None = None
    user: OwnerUser | None = None
    service_account: OwnerAccount | None = None


class ProjectKeyAnswer(BaseModel):
    object: Literal["organization.project.api_key"] = "organization.project.api_key"
    id: str
    name: str
    redacted_value: str
    created_at: int
    expires_at: int | None
    last_used_at: int | None
    owner: Owner
    owner_project_access: Literal["active", "inactive"]


class ProjectKeyPatch(BaseModel):
    """OpenAI's way to change a key: no scopes at all (`[]`) lifts the restriction."""

    scopes: list[str] | None = Field(None, max_length=len(SCOPES), description=SCOPES_TEXT)
    expires_in_seconds: int | None = Field(None, ge=1, le=100 * 366 * 86400)


class DeletedProjectKey(BaseModel):
    object: Literal["organization.project.api_key.deleted"] = "organization.project.api_key.deleted"
    id: str
    deleted: Literal[True] = True


def redacted(key: ApiKey) -> str:
    return f"sk-ts-{key.display_id}-..."


def key_answer(key: ApiKey, *, last_used_at: datetime | None = None) -> KeyAnswer:
    return KeyAnswer(
        id=public_id("key", key.id),
        name=key.name,
        project_id=public_id("proj", key.project_id),
        user_id=public_id("user", key.user_id) if key.user_id else None,
        service_account_id=public_id("svc", key.service_account_id) if key.service_account_id else None,
        redacted=redacted(key),
        allowed_models=key.allowed_models,
        scopes=key.scopes,
        allowed_networks=key.allowed_networks,
        created_at=int(key.created_at.timestamp()),
        expires_at=seconds(key.expires_at),
        previous_expires_at=seconds(key.previous_expires_at),
        last_used_at=seconds(last_used_at),
        revoked_at=seconds(key.revoked_at),
    )
