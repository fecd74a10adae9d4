"""A ClusterPort whose Ray runs as a KubeRay RayCluster."""

from collections.abc import Callable, Iterable
from typing import Any

from appliance.base.logs import get_logger
from appliance.base.secret_files import Secret, read_secret
from appliance.base.settings import Settings
from control_plane.cluster.kubernetes_adapter.kube_api import AbsentObject, KubeApi, StaleObject, find_configuration
from control_plane.cluster.kubernetes_adapter.workers import grow
from control_plane.cluster.local import ServeRestCluster
from control_plane.cluster.port import ClusterObservation, ClusterRefused, ClusterUnreachable, ServeDocument

HEAD_SERVICE_SUFFIX = "-head-svc"
"""KubeRay names the head's Service so (`ray-operator/controllers/ray/utils`, GenerateHeadServiceName)."""

DASHBOARD_PORT = "dashboard"
ATTEMPTS = 5

log = get_logger(__name__)


class KubernetesCluster:
    """Sees that there are enough worker pods, then speaks to the head's Serve REST API as the local adapter does.

    `connect` makes the Serve client for a dashboard address; `serve_url` overrides the address inside the cluster.
    """

    def __init__(
        self, api: KubeApi, *, name: str, connect: Callable[[str], ServeRestCluster], serve_url: str | None = None
    ) -> None:
        self.api = api
        self.name = name
        self.connect = connect
        self.serve_url = serve_url
        self.serve: ServeRestCluster | None = None

    def observe(self) -> ClusterObservation:
        """What runs. Also gives back the worker pods that a chart upgrade may have taken from running applications."""
        observation = self.head().observe()
        running = [application.config for application in observation.applications.values() if application.config]
        self.keep_workers(running)
        return observation

    def apply(self, document: ServeDocument) -> None:
        self.keep_workers(document.get("applications", []))
        self.head().apply(document)

    def keep_workers(self, applications: Iterable[dict[str, Any]]) -> None:
        """Raise the worker groups' `replicas` where the applications need it; a concurrent change is read again."""
        wanted = list(applications)
        for _ in range(ATTEMPTS):
            found = self.read()
            groups = grow(found["spec"].get("workerGroupSpecs") or [], applications=wanted)
            if groups is None:
                return
            version = found["metadata"]["resourceVersion"]
            patch = {"metadata": {"resourceVersion": version}, "spec": {"workerGroupSpecs": groups}}
            try:
                self.api.patch_ray_cluster(self.name, patch=patch)
            except StaleObject:
                continue
            log.info("ray_workers_raised", groups={group["groupName"]: group["replicas"] for group in groups})
            return
        raise ClusterUnreachable(
            f"The RayCluster {self.name} changed under us {ATTEMPTS} times in a row.",
            hint="Look who else writes its worker groups: kubectl get raycluster -o yaml --show-managed-fields.",
        )

    def read(self) -> dict[str, Any]:
        try:
            return self.api.read_ray_cluster(self.name)
        except AbsentObject as error:
            raise ClusterRefused(
                f"There is no RayCluster {self.name} in the namespace {self.api.namespace}.",
                hint="The chart makes it; check the release and the KubeRay operator.",
            ) from error

    def head(self) -> ServeRestCluster:
        """The Serve client of the head, whose address does not change while the RayCluster keeps its name."""
        if self.serve is None:
            self.serve = self.connect(self.serve_url or self.dashboard_url())
        return self.serve

    def dashboard_url(self) -> str:
        service = f"{self.name}{HEAD_SERVICE_SUFFIX}"
        try:
            ports = self.api.service_ports(service)
        except AbsentObject as error:
            raise ClusterUnreachable(
                f"The RayCluster {self.name} has no head service yet.",
                hint="The KubeRay operator makes it; check that the operator runs: kubectl get raycluster.",
            ) from error
        if DASHBOARD_PORT not in ports:
            raise ClusterRefused(
                f"The service {service} has no port called {DASHBOARD_PORT}.",
                hint="The chart's RayCluster names it; restore the chart's head ports.",
            )
        return f"http://{service}.{self.api.namespace}.svc:{ports[DASHBOARD_PORT]}"


def kubernetes_cluster(settings: Settings) -> KubernetesCluster:
    token = read_secret(settings.paths, Secret.RAY_TOKEN)
    return KubernetesCluster(
        KubeApi(find_configuration(), namespace=settings.cluster.namespace),
        name=settings.cluster.ray_cluster_name,
        connect=lambda url: ServeRestCluster(url, token=token),
        serve_url=settings.cluster.serve_url,
    )
