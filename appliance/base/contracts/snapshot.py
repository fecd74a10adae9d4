"""What the gateway knows of keys and models: written whole by the control plane, read by every gateway.

File `snapshot/gateway.json` in the home, replaced atomically; a message on Redis channel `gateway.snapshot` hurries the
readers. Bound for a revoked key: the message, or else one `gateway.refresh_seconds` after the file is written.
"""

from pydantic import BaseModel, ConfigDict

from appliance.base.contracts.routes import ExternalEndpoint, Route
from appliance.base.tasks import Task

SNAPSHOT_FORMAT = 1
SNAPSHOT_FILE = "gateway.json"
SNAPSHOT_CHANNEL = "gateway.snapshot"

DATA_SCOPES = ("inference", "files", "batches", "fine_tuning")
"""What a key may be for on the data path."""


class SnapshotKey(BaseModel):
    """One live API key. `digest` is the SHA-256 of the whole secret, hexadecimal; revoked keys are left out.

    While a rotated key's old secret lives on, the key is in here twice: same `key_id`, two digests, the old one with an
    earlier `expires_at`. `scopes` None is all of `DATA_SCOPES`; `allowed_networks` (CIDR) None is everywhere.
    """

    model_config = ConfigDict(frozen=True)

    key_id: str
    digest: str
    project_id: str
    user_id: str | None = None
    allowed_models: tuple[str, ...] | None = None
    expires_at: float | None = None
    organization_id: str | None = None
    service_account_id: str | None = None
    scopes: tuple[str, ...] | None = None
    allowed_networks: tuple[str, ...] | None = None


class SnapshotModel(BaseModel):
    """One public name. `max_model_len` in tokens, prompt and answer together; `created` in Unix seconds.

    `served_model_id` of a route's name is its first served target's, or empty. `wakes`: it may sleep at no replica, and
    a request that waits for it wakes it.
    `capabilities`: the words of `appliance.gateway.wire.needs`; None where nobody knows, and the engine judges.
    `fim_template`: how the model is asked to fill a gap, with the places `{prefix}` and `{suffix}`.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    served_model_id: str
    project_id: str | None = None
    task: Task
    max_model_len: int
    owned_by: str
    created: int
    wakes: bool = False
    capabilities: frozenset[str] | None = None
    fim_template: str | None = None


class Snapshot(BaseModel):
    model_config = ConfigDict(frozen=True)

    format: int = SNAPSHOT_FORMAT
    version: int
    keys: tuple[SnapshotKey, ...] = ()
    models: tuple[SnapshotModel, ...] = ()
    routes: tuple[Route, ...] = ()
    endpoints: tuple[ExternalEndpoint, ...] = ()
