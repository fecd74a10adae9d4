"""What a served version needs to run, and the Serve config document that says so. Pure; imports no ray.

Document: https://docs.ray.io/en/latest/serve/production-guide/config.html, put to `/api/serve/applications/`.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

IMPORT_PATH = "appliance.serving.application:build"
DEPLOYMENT_NAME = "engine"


class ServedVersionSpec(BaseModel):
    """One version of a served model. Ids are public ids (`srv-`, `ver-`, `node-`)."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    served_model_id: str
    version_id: str
    model_name: str
    task: Literal["chat", "embedding"]
    engine_pack: str = "vllm-cpu"
    engine_version: str
    weights_path: Path
    max_model_len: int = Field(ge=1)
    num_replicas: int = Field(1, ge=0)
    num_cpus: float = Field(0.5, ge=0, description="Ray's logical CPUs per replica; a share, not a limit.")
    engine_args: tuple[str, ...] = ()
    home: Path
    node_id: str


def serve_document(specs: Iterable[ServedVersionSpec]) -> dict[str, Any]:
    """The whole document for these versions, in a stable order; a version with 0 replicas is left out.

    `num_replicas` stands beside `args`, not in them: Serve restarts all replicas of an application whose `args` change.
    """
    running = sorted((spec for spec in specs if spec.num_replicas > 0), key=lambda spec: spec.served_model_id)
    return {
        "proxy_location": "Disabled",
        "logging_config": {"log_level": "WARNING", "enable_access_log": False},
        "applications": [_application(spec) for spec in running],
    }


def _application(spec: ServedVersionSpec) -> dict[str, Any]:
    return {
        "name": spec.served_model_id,
        "route_prefix": None,
        "import_path": IMPORT_PATH,
        "args": spec.model_dump(mode="json", exclude={"num_replicas"}),
        "deployments": [{"name": DEPLOYMENT_NAME, "num_replicas": spec.num_replicas}],
    }
