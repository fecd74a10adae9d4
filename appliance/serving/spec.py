"""What one replica needs to run, and the Serve config document that says so. Pure; imports no ray.

An application per replica: Serve gives all replicas of an application the same arguments and chooses their nodes
itself, but each replica has cards of its own, on the node that the planner chose.
Document: https://docs.ray.io/en/latest/serve/production-guide/config.html, put to `/api/serve/applications/`.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from appliance.base.tasks import Task
from appliance.engines.chat import ChatFacts

IMPORT_PATH = "appliance.serving.application:build"
DEPLOYMENT_NAME = "engine"
NODE_SHARE = 0.0001
"""Of its node's resource, of which a node has 1: so many replicas fit that memory and cards are the only limit."""


class ReplicaSpec(BaseModel):
    """One replica of a version of a served model. Ids are public ids (`plc-`, `srv-`, `ver-`, `node-`).

    `application` is Serve's name for it. `cards` are the variables that choose its cards; `cores` those that it is
    bound to. `sealed` is the digest of the artifact whose key a licence gives, None for open weights.
    `is_pinned`: it runs on `node_id` and nowhere else, and takes none of Ray's logical CPUs, because the
    planner has counted them; in a cluster that places pods itself it is not, and `num_cpus` counts.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    application: str
    served_model_id: str
    version_id: str
    model_name: str
    task: Task
    engine_pack: str = "vllm-cpu"
    engine_version: str
    weights_path: Path
    max_model_len: int = Field(ge=1)
    kv_cache_bytes: int = Field(ge=0)
    tensor_parallel_size: int = Field(default=1, ge=1)
    pipeline_parallel_size: int = Field(default=1, ge=1)
    cards: dict[str, str] = {}
    cores: tuple[int, ...] = ()
    num_cpus: float = Field(default=0.5, ge=0, description="Ray's logical CPUs; a share, not a limit.")
    engine_args: tuple[str, ...] = ()
    chat: ChatFacts | None = Field(default=None, description="None: what runs already is not started anew for it.")
    sealed: str | None = None
    home: Path
    node_id: str
    is_pinned: bool = False

    @property
    def actor_options(self) -> dict[str, Any]:
        """For `ray_actor_options`: where Ray may start the replica's process."""
        if self.is_pinned:
            return {"num_cpus": 0, "resources": {node_resource(self.node_id): NODE_SHARE}}
        return {"num_cpus": self.num_cpus}


def node_resource(node_id: str) -> str:
    """Ray's custom resource that only this node has."""
    return f"appliance-{node_id}"


def serve_document(specs: Iterable[ReplicaSpec]) -> dict[str, Any]:
    """The whole document for these replicas, in a stable order."""
    return {
        "proxy_location": "Disabled",
        "logging_config": {"log_level": "WARNING", "enable_access_log": False},
        "applications": [_application(spec) for spec in sorted(specs, key=lambda spec: spec.application)],
    }


def _application(spec: ReplicaSpec) -> dict[str, Any]:
    return {
        "name": spec.application,
        "route_prefix": None,
        "import_path": IMPORT_PATH,
        "args": spec.model_dump(mode="json"),
        "deployments": [{"name": DEPLOYMENT_NAME, "num_replicas": 1}],
    }
