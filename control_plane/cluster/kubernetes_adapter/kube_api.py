"""The few calls to the Kubernetes API that we make, with its errors turned into sentences for the operator."""

import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, cast

import urllib3
from kubernetes import client, config

from control_plane.cluster.port import ClusterRefused, ClusterUnreachable

RAY_GROUP, RAY_VERSION, RAY_PLURAL = "ray.io", "v1", "rayclusters"
FIELD_OWNER = "thousand-sails"
LoadConfig = Callable[..., None]
load_incluster_config = cast(LoadConfig, config.load_incluster_config)  # pyright: ignore[reportUnknownMemberType]
load_kube_config = cast(LoadConfig, config.load_kube_config)  # pyright: ignore[reportUnknownMemberType]

TIMEOUTS_SECONDS = (3.0, 10.0)
"""Connect, read."""


class StaleObject(Exception):
    """Somebody else changed the object since we read it (HTTP 409): read it again and decide again."""


class AbsentObject(Exception):
    """There is no such object (HTTP 404)."""


class KubeApi:
    """Calls within one namespace. Raises ClusterUnreachable, ClusterRefused, StaleObject or AbsentObject."""

    def __init__(self, configuration: client.Configuration, *, namespace: str) -> None:
        configuration.retries = cast(Any, urllib3.Retry(connect=1, read=0, redirect=0, status=0, other=0))
        connection = client.ApiClient(configuration)
        self.namespace = namespace
        self.core = client.CoreV1Api(connection)
        self.custom = client.CustomObjectsApi(connection)

    def read_ray_cluster(self, name: str) -> dict[str, Any]:
        with sentences(f"read the RayCluster {name}"):
            found = self.custom.get_namespaced_custom_object(
                RAY_GROUP, RAY_VERSION, self.namespace, RAY_PLURAL, name, _request_timeout=TIMEOUTS_SECONDS
            )
        return cast(dict[str, Any], found)

    def patch_ray_cluster(self, name: str, *, patch: dict[str, Any]) -> None:
        """A JSON merge patch (RFC 7386); with `metadata.resourceVersion` in it a stale one raises StaleObject."""
        with sentences(f"patch the RayCluster {name}"):
            self.custom.patch_namespaced_custom_object(
                RAY_GROUP,
                RAY_VERSION,
                self.namespace,
                RAY_PLURAL,
                name,
                patch,
                field_manager=FIELD_OWNER,
                _content_type="application/merge-patch+json",
                _request_timeout=TIMEOUTS_SECONDS,
            )

    def service_ports(self, name: str) -> dict[str, int]:
        """The Service's ports by name."""
        with sentences(f"read the Service {name}"):
            found = self.core.read_namespaced_service(name, self.namespace, _request_timeout=TIMEOUTS_SECONDS)
        ports = found.spec.ports if found.spec else None
        return {port.name: port.port for port in ports or [] if port.name}

    def secret_keys(self, name: str) -> set[str]:
        with sentences(f"read the Secret {name}"):
            found = self.core.read_namespaced_secret(name, self.namespace, _request_timeout=TIMEOUTS_SECONDS)
        return set(found.data or {})

    def create_secret(self, name: str, *, values: dict[str, str], labels: dict[str, str]) -> None:
        body = client.V1Secret(
            metadata=client.V1ObjectMeta(name=name, labels=labels), type="Opaque", string_data=values
        )
        with sentences(f"create the Secret {name}"):
            self.core.create_namespaced_secret(
                self.namespace, body, field_manager=FIELD_OWNER, _request_timeout=TIMEOUTS_SECONDS
            )

    def add_to_secret(self, name: str, *, values: dict[str, str]) -> None:
        with sentences(f"patch the Secret {name}"):
            self.core.patch_namespaced_secret(
                name,
                self.namespace,
                {"stringData": values},
                field_manager=FIELD_OWNER,
                _content_type="application/merge-patch+json",
                _request_timeout=TIMEOUTS_SECONDS,
            )


@contextmanager
def sentences(what: str) -> Generator[None]:
    """Turn the client's exceptions into ours; `what` completes "may not ..."."""
    try:
        yield
    except client.ApiException as error:
        raise translate(error, what=what) from error
    except urllib3.exceptions.HTTPError as error:
        raise ClusterUnreachable(
            f"The Kubernetes API does not answer ({type(error).__name__}); tried to {what}.",
            hint="Check the API server and the network policy's networkPolicy.kubernetesApi.",
        ) from error


def translate(error: client.ApiException, *, what: str) -> Exception:
    status = cast(int | None, error.status) or 0
    if status == 404:
        return AbsentObject(what)
    if status == 409:
        return StaleObject(what)
    if status in (401, 403):
        return ClusterRefused(
            f"The Kubernetes API does not let us {what} (HTTP {status}).",
            hint="The chart's Role grants it: check that the pod runs under the chart's ServiceAccount.",
        )
    if status == 429 or status >= 500:
        return ClusterUnreachable(f"The Kubernetes API answered {status}; tried to {what}.")
    return ClusterRefused(f"The Kubernetes API refused to {what} (HTTP {status}): {cast(str | None, error.reason)}")


def find_configuration() -> client.Configuration:
    """The pod's service account, or else the person's kubeconfig."""
    configuration = client.Configuration()
    try:
        if "KUBERNETES_SERVICE_HOST" in os.environ:
            load_incluster_config(client_configuration=configuration)
        else:
            load_kube_config(client_configuration=configuration)
    except config.ConfigException as error:
        raise ClusterRefused(
            f"There is no access to a Kubernetes API: {error}",
            hint="APPLIANCE_CLUSTER__ADAPTER=kubernetes works inside a cluster, or with a kubeconfig.",
        ) from error
    return configuration
