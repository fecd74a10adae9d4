"""The port between the serve reconciler and the place where Ray runs."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from appliance.base.errors import Unavailable

ServeDocument = dict[str, Any]
"""A Serve config as `PUT /api/serve/applications/` takes it (docs.ray.io, `ServeDeploySchema`)."""


class ClusterUnreachable(Unavailable):
    """The cluster does not answer; what runs there is unknown, not gone."""

    code = "cluster_unreachable"


class ClusterRefused(Unavailable):
    """The cluster answers and will not take what was put; `message` says why."""

    code = "cluster_refused"


class ApplicationStatus(StrEnum):
    """Ray Serve's words (`ray.serve.schema.ApplicationStatus`)."""

    NOT_STARTED = "NOT_STARTED"
    DEPLOYING = "DEPLOYING"
    DEPLOY_FAILED = "DEPLOY_FAILED"
    RUNNING = "RUNNING"
    UNHEALTHY = "UNHEALTHY"
    DELETING = "DELETING"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True)
class ObservedApplication:
    """One application as the cluster has it. `config` is the application's part of the document last put, None if
    unknown.
    """

    name: str
    status: ApplicationStatus
    message: str = ""
    config: dict[str, Any] | None = None
    running_replicas: int = 0


@dataclass(frozen=True)
class ClusterObservation:
    """What the cluster runs now, by application name. A new Ray head has none."""

    applications: dict[str, ObservedApplication] = field(default_factory=dict[str, ObservedApplication])


class ClusterPort(Protocol):
    """Both calls may block for some seconds and are never made inside a database session."""

    def observe(self) -> ClusterObservation:
        """What runs. Raises ClusterUnreachable."""
        ...

    def apply(self, document: ServeDocument) -> None:
        """Make the cluster run exactly the document's applications; returns before they run.

        Raises ClusterUnreachable or ClusterRefused. Putting the same document again changes nothing.
        """
        ...
