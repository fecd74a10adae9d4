"""`box.json` in the home: what was decided once for this box (format, node id, ports) and every process reads."""

from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from appliance.base.errors import NewerFormat, SetupError
from appliance.base.files import write_atomically
from appliance.base.paths import Home

HOME_FORMAT = 1


class Ports(BaseModel):
    """TCP ports on this node; all but `public` listen on loopback only."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    public: int
    ray_gcs: int
    ray_dashboard: int
    ray_dashboard_agent_grpc: int
    ray_dashboard_agent_http: int
    ray_node_manager: int
    ray_object_manager: int
    ray_runtime_env_agent: int
    ray_metrics_export: int
    ray_client: int
    ray_worker_first: int
    ray_worker_last: int


class Box(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = HOME_FORMAT
    node_id: UUID
    ports: Ports

    @property
    def ray_dashboard_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.ray_dashboard}"


def read_box(home: Home) -> Box:
    """The box's own facts; raises SetupError when the home is not set up, NewerFormat when it is from the future."""
    if not home.box_file.is_file():
        raise SetupError(f"There is no appliance in {home.root}.", hint="Run `appliance up` (or `./start`) first.")
    return parse_box(home.box_file)


def parse_box(path: Path) -> Box:
    """Validate a `box.json`; the format is looked at before anything else, since a newer one may look like damage."""
    try:
        raw = TypeAdapter(dict[str, Any]).validate_json(path.read_bytes())
        found = int(raw.get("format", 0))
        if found > HOME_FORMAT:
            raise NewerFormat(
                f"{path} has format {found}; this version knows {HOME_FORMAT} and older.",
                hint="Use the newer version of the appliance that wrote it, or restore a backup.",
            )
        return Box.model_validate(raw)
    except (ValueError, ValidationError) as error:
        raise SetupError(f"{path} is damaged: {error}", hint="Restore it from a backup of the home.") from error


def write_box(home: Home, box: Box) -> None:
    write_atomically(home.box_file, box.model_dump_json(indent=2).encode(), mode=0o600)
