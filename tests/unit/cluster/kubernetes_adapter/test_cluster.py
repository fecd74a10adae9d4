"""The adapter against a fake API server that speaks the real HTTP."""

from typing import Any

import pytest
from kubernetes.client import Configuration

from control_plane.cluster.kubernetes_adapter.cluster import KubernetesCluster
from control_plane.cluster.kubernetes_adapter.kube_api import KubeApi
from control_plane.cluster.local import ServeRestCluster
from control_plane.cluster.port import ApplicationStatus, ClusterPort, ClusterRefused, ClusterUnreachable


def document(*, replicas: int, cpus: float = 2) -> dict[str, Any]:
    application = {
        "name": "srv-1",
        "import_path": "appliance.serving.application:build",
        "args": {"num_cpus": cpus},
        "deployments": [{"name": "engine", "num_replicas": replicas}],
    }
    return {"applications": [application]}


def patches(fake: Any) -> int:
    return sum(1 for line in fake.log if line.startswith("PATCH"))


def test_the_adapter_is_a_cluster_port(cluster: KubernetesCluster) -> None:
    port: ClusterPort = cluster
    assert port.observe().applications == {}


def test_apply_raises_the_workers_and_puts_the_document_unchanged(fake: Any, cluster: KubernetesCluster) -> None:
    before = dict(fake.group)
    wanted = document(replicas=5)
    cluster.apply(wanted)
    assert fake.put == [wanted]
    assert fake.group == {**before, "replicas": 3}


def test_apply_again_patches_nothing(fake: Any, cluster: KubernetesCluster) -> None:
    cluster.apply(document(replicas=5))
    cluster.apply(document(replicas=5))
    assert patches(fake) == 1


def test_fewer_replicas_remove_no_worker(fake: Any, cluster: KubernetesCluster) -> None:
    cluster.apply(document(replicas=5))
    cluster.apply(document(replicas=1))
    assert fake.group["replicas"] == 3


def test_a_concurrent_change_is_read_again(fake: Any, cluster: KubernetesCluster) -> None:
    fake.concurrent_changes = 2
    cluster.apply(document(replicas=3))
    assert fake.group["replicas"] == 2
    assert patches(fake) == 3


def test_a_change_that_never_ends_is_reported(fake: Any, cluster: KubernetesCluster) -> None:
    fake.concurrent_changes = 100
    with pytest.raises(ClusterUnreachable, match="changed under us"):
        cluster.apply(document(replicas=3))
    assert fake.put == []


def test_observe_gives_back_workers_that_an_upgrade_took(fake: Any, cluster: KubernetesCluster) -> None:
    fake.applications = {
        "srv-1": {"status": "UNHEALTHY", "deployed_app_config": document(replicas=4)["applications"][0]}
    }
    observed = cluster.observe().applications["srv-1"]
    assert observed.status is ApplicationStatus.UNHEALTHY
    assert fake.group["replicas"] == 2


def test_the_dashboard_is_found_by_the_name_of_its_port(cluster: KubernetesCluster) -> None:
    assert cluster.dashboard_url() == "http://box-ray-head-svc.sails.svc:8265"


def test_an_address_of_the_settings_wins(fake: Any, api: KubeApi) -> None:
    asked: list[str] = []

    def connect(url: str) -> ServeRestCluster:
        asked.append(url)
        return ServeRestCluster(fake.url, token="ray-token")

    KubernetesCluster(api, name="box-ray", connect=connect, serve_url="http://ray.example:8265").observe()
    assert asked == ["http://ray.example:8265"]


def test_a_head_service_that_is_not_there_yet_is_unavailable(fake: Any, cluster: KubernetesCluster) -> None:
    fake.services.clear()
    with pytest.raises(ClusterUnreachable, match="no head service yet"):
        cluster.observe()


def test_a_head_service_without_dashboard_is_refused(fake: Any, cluster: KubernetesCluster) -> None:
    fake.services["box-ray-head-svc"] = {"gcs-server": 6379}
    with pytest.raises(ClusterRefused, match="no port called dashboard"):
        cluster.observe()


def test_a_missing_ray_cluster_is_refused(fake: Any, cluster: KubernetesCluster) -> None:
    fake.clusters.clear()
    with pytest.raises(ClusterRefused, match="no RayCluster box-ray in the namespace sails"):
        cluster.apply(document(replicas=1))


@pytest.mark.parametrize("code", [401, 403])
def test_missing_rights_name_the_role(fake: Any, cluster: KubernetesCluster, code: int) -> None:
    fake.refuse_with = code
    with pytest.raises(ClusterRefused, match="does not let us read the RayCluster box-ray") as raised:
        cluster.apply(document(replicas=1))
    assert "Role" in str(raised.value.hint)
    assert raised.value.status == 503


@pytest.mark.parametrize("code", [429, 500, 503])
def test_a_failing_api_server_is_unavailable(fake: Any, cluster: KubernetesCluster, code: int) -> None:
    fake.refuse_with = code
    with pytest.raises(ClusterUnreachable, match=f"answered {code}"):
        cluster.apply(document(replicas=1))


def test_an_invalid_object_is_refused(fake: Any, cluster: KubernetesCluster) -> None:
    fake.refuse_with = 422
    with pytest.raises(ClusterRefused, match="HTTP 422"):
        cluster.apply(document(replicas=1))


def test_an_api_server_that_is_down_is_unavailable() -> None:
    api = KubeApi(Configuration(host="http://127.0.0.1:9"), namespace="sails")
    cluster = KubernetesCluster(api, name="box-ray", connect=lambda url: ServeRestCluster(url, token=None))
    with pytest.raises(ClusterUnreachable, match="does not answer"):
        cluster.observe()


def test_a_wrong_ray_token_is_refused(fake: Any, api: KubeApi) -> None:
    cluster = KubernetesCluster(api, name="box-ray", connect=lambda _: ServeRestCluster(fake.url, token="wrong"))
    with pytest.raises(ClusterRefused):
        cluster.observe()
