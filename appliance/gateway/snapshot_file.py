"""The gateway's knowledge of keys and models: `snapshot/gateway.json`, read again when it changes, indexed for the
hot path.

A file that is missing, damaged or of a newer format never replaces what is loaded: the gateway goes on with the old
one and says so.
"""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from appliance.base.contracts.routes import ExternalEndpoint, Route, own_route
from appliance.base.contracts.snapshot import SNAPSHOT_FILE, SNAPSHOT_FORMAT, Snapshot, SnapshotKey, SnapshotModel
from appliance.base.errors import NewerFormat, SetupError, Unavailable
from appliance.base.logs import get_logger
from appliance.gateway.json_objects import parse_object

log = get_logger(__name__)


@dataclass(frozen=True)
class Directory:
    """One snapshot, indexed: keys by digest, models and routes by public name, served models and endpoints by id."""

    version: int
    keys: dict[str, SnapshotKey] = field(default_factory=dict)
    models: dict[str, SnapshotModel] = field(default_factory=dict)
    routes: dict[str, Route] = field(default_factory=dict)
    served: dict[str, SnapshotModel] = field(default_factory=dict)
    endpoints: dict[str, ExternalEndpoint] = field(default_factory=dict)

    def key_of(self, secret: str) -> SnapshotKey | None:
        """The key with this secret. The look-up is by digest, so its time says nothing about the secret."""
        return self.keys.get(hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest())


class SnapshotFile:
    """`directory` is what holds now; `refresh()` looks whether the file has changed."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / SNAPSHOT_FILE
        self.problem: str | None = "not read yet"
        self._loaded: Directory | None = None
        self._seen: tuple[int, int, int] | None = None

    @property
    def directory(self) -> Directory:
        if self._loaded is None:
            raise Unavailable(
                "The gateway does not know any keys or models yet.",
                hint="The control plane writes them within seconds of its start; see `appliance status`.",
                retry_after_seconds=2.0,
            )
        return self._loaded

    @property
    def version(self) -> int | None:
        return self._loaded.version if self._loaded else None

    def refresh(self) -> bool:
        """Read the file if it is another than the last one read; True where a new snapshot holds now."""
        try:
            status = self.path.stat()
        except OSError:
            self._report(f"{self.path} is missing")
            return False
        seen = (status.st_mtime_ns, status.st_ino, status.st_size)
        if seen == self._seen:
            return False
        self._seen = seen
        try:
            self._loaded = index(parse_snapshot(self.path.read_bytes()))
        except (SetupError, OSError) as error:
            self._report(str(error))
            return False
        self.problem = None
        log.info("snapshot_loaded", version=self._loaded.version, keys=len(self._loaded.keys))
        return True

    def _report(self, problem: str) -> None:
        if problem != self.problem:
            log.warning("snapshot_not_loaded", problem=problem, serving_version=self.version)
        self.problem = problem


def parse_snapshot(content: bytes) -> Snapshot:
    """Raises NewerFormat or SetupError."""
    try:
        raw = parse_object(content)
        found = raw.get("format", 0)
        if isinstance(found, int) and found > SNAPSHOT_FORMAT:
            raise NewerFormat(f"The snapshot has format {found}; this gateway knows {SNAPSHOT_FORMAT} and older.")
        return Snapshot.model_validate(raw)
    except (ValueError, ValidationError) as error:
        raise SetupError(f"The snapshot is damaged: {type(error).__name__}.") from error


def index(snapshot: Snapshot) -> Directory:
    routed = {route.name: route for route in snapshot.routes}
    served = {model.served_model_id: model for model in snapshot.models if model.name not in routed}
    own = {model.name: own_route(model.name, served_model_id=key) for key, model in served.items()}
    return Directory(
        version=snapshot.version,
        keys={key.digest.lower(): key for key in snapshot.keys},
        models={model.name: model for model in snapshot.models},
        routes={**own, **routed},
        served=served,
        endpoints={endpoint.endpoint_id: endpoint for endpoint in snapshot.endpoints},
    )
