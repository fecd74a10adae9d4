"""This box's Ray through its Serve REST API (docs.ray.io/en/latest/serve/api, "Serve REST API V2").

Whoever reaches that API runs code on the box, so it listens on loopback and asks for Ray's token.
"""

from typing import Any, cast

import httpx

from appliance.base.box import read_box
from appliance.base.secret_files import Secret, read_secret
from appliance.base.settings import Settings
from control_plane.cluster.port import (
    ApplicationStatus,
    ClusterObservation,
    ClusterRefused,
    ClusterUnreachable,
    ObservedApplication,
    ServeDocument,
)

APPLICATIONS_PATH = "/api/serve/applications/"
OBSERVE_SECONDS = 10.0
APPLY_SECONDS = 60.0
"""The first PUT after Ray's start also starts Serve's controller, which takes several seconds on a small box."""


class ServeRestCluster:
    """A ClusterPort over one Ray dashboard."""

    def __init__(self, base_url: str, *, token: str | None, transport: httpx.BaseTransport | None = None) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.client = httpx.Client(base_url=base_url, headers=headers, transport=transport, trust_env=False)

    def observe(self) -> ClusterObservation:
        document = self.call("GET", None, timeout=OBSERVE_SECONDS).json()
        applications = cast(dict[str, dict[str, Any]], document.get("applications", {}))
        return ClusterObservation({name: parse_application(name, raw) for name, raw in applications.items()})

    def apply(self, document: ServeDocument) -> None:
        self.call("PUT", document, timeout=APPLY_SECONDS)

    def call(self, method: str, document: ServeDocument | None, *, timeout: float) -> httpx.Response:
        try:
            response = self.client.request(method, APPLICATIONS_PATH, json=document, timeout=timeout)
        except httpx.HTTPError as error:
            raise ClusterUnreachable(
                f"Ray's Serve API at {self.client.base_url} does not answer: {type(error).__name__}.",
                hint="See `appliance status` and `appliance logs ray`.",
            ) from error
        if response.status_code in (401, 403):
            raise ClusterRefused(
                "Ray does not take our token.", hint="Restart Ray: `appliance down` and `appliance up`."
            )
        if response.is_server_error:
            raise ClusterUnreachable(f"Ray's Serve API answered {response.status_code}: {shorten(response.text)}")
        if response.is_error:
            raise ClusterRefused(f"Ray refused the Serve config ({response.status_code}): {shorten(response.text)}")
        return response


def parse_application(name: str, raw: dict[str, Any]) -> ObservedApplication:
    """One entry of `ServeInstanceDetails.applications`."""
    deployments = cast(dict[str, dict[str, list[dict[str, Any]]]], raw.get("deployments") or {})
    replicas = [replica for deployment in deployments.values() for replica in deployment.get("replicas") or []]
    return ObservedApplication(
        name=name,
        status=parse_status(str(raw.get("status"))),
        message=str(raw.get("message") or ""),
        config=raw.get("deployed_app_config"),
        running_replicas=sum(1 for replica in replicas if replica.get("state") == "RUNNING"),
    )


def parse_status(text: str) -> ApplicationStatus:
    """A status that a newer Ray may add reads as UNKNOWN."""
    return ApplicationStatus(text) if text in ApplicationStatus.__members__ else ApplicationStatus.UNKNOWN


def shorten(text: str, *, limit: int = 500) -> str:
    return text if len(text) <= limit else f"{text[:limit]}…"


def local_cluster(settings: Settings) -> ServeRestCluster:
    url = settings.cluster.serve_url or read_box(settings.paths).ray_dashboard_url
    return ServeRestCluster(url, token=read_secret(settings.paths, Secret.RAY_TOKEN))
