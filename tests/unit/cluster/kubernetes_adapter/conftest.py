"""A small Kubernetes API server and Ray head on loopback, speaking the real HTTP to the real client."""

import asyncio
import base64
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from kubernetes.client import Configuration

from control_plane.cluster.kubernetes_adapter.cluster import KubernetesCluster
from control_plane.cluster.kubernetes_adapter.kube_api import KubeApi
from control_plane.cluster.local import ServeRestCluster

NAMESPACE = "sails"
CLUSTERS = f"/apis/ray.io/v1/namespaces/{NAMESPACE}/rayclusters"
RAY_TOKEN = "ray-token"


def ray_cluster(*, replicas: int = 1, most: int = 4) -> dict[str, Any]:
    group = {
        "groupName": "cpu",
        "replicas": replicas,
        "minReplicas": 0,
        "maxReplicas": most,
        "rayStartParams": {"num-cpus": "4"},
        "template": {"spec": {"containers": [{"name": "ray-worker", "image": "appliance"}]}},
    }
    return {
        "apiVersion": "ray.io/v1",
        "kind": "RayCluster",
        "metadata": {"name": "box-ray", "namespace": NAMESPACE, "resourceVersion": "1"},
        "spec": {"rayVersion": "2.60.0", "workerGroupSpecs": [group]},
    }


@dataclass
class FakeKubernetes:
    """State and switches of the fake; `log` holds every request as `METHOD path`."""

    clusters: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    services: dict[str, dict[str, int]] = field(default_factory=dict[str, dict[str, int]])
    secrets: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    applications: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    put: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    log: list[str] = field(default_factory=list[str])
    refuse_with: int | None = None
    concurrent_changes: int = 0
    url: str = ""

    @property
    def group(self) -> dict[str, Any]:
        return self.clusters["box-ray"]["spec"]["workerGroupSpecs"][0]

    def routes(self) -> web.Application:
        app = web.Application(middlewares=[self.front])
        app.router.add_get(CLUSTERS + "/{name}", self.get_cluster)
        app.router.add_patch(CLUSTERS + "/{name}", self.patch_cluster)
        app.router.add_get(f"/api/v1/namespaces/{NAMESPACE}/services/{{name}}", self.get_service)
        app.router.add_get(f"/api/v1/namespaces/{NAMESPACE}/secrets/{{name}}", self.get_secret)
        app.router.add_post(f"/api/v1/namespaces/{NAMESPACE}/secrets", self.create_secret)
        app.router.add_patch(f"/api/v1/namespaces/{NAMESPACE}/secrets/{{name}}", self.patch_secret)
        app.router.add_get("/api/serve/applications/", self.get_applications)
        app.router.add_put("/api/serve/applications/", self.put_applications)
        return app

    @web.middleware
    async def front(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.log.append(f"{request.method} {request.path}")
        if self.refuse_with and not request.path.startswith("/api/serve"):
            return status(self.refuse_with)
        return await handler(request)

    async def get_cluster(self, request: web.Request) -> web.Response:
        found = self.clusters.get(request.match_info["name"])
        return web.json_response(found) if found else status(404)

    async def patch_cluster(self, request: web.Request) -> web.Response:
        found = self.clusters[request.match_info["name"]]
        if self.concurrent_changes:
            self.concurrent_changes -= 1
            touch(found)
        if request.content_type != "application/merge-patch+json":
            return status(415)
        patch = await request.json()
        if patch["metadata"]["resourceVersion"] != found["metadata"]["resourceVersion"]:
            return status(409)
        found["spec"].update(patch["spec"])
        touch(found)
        return web.json_response(found)

    async def get_service(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in self.services:
            return status(404)
        ports = [{"name": port, "port": number} for port, number in self.services[name].items()]
        return web.json_response({"kind": "Service", "metadata": {"name": name}, "spec": {"ports": ports}})

    async def get_secret(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in self.secrets:
            return status(404)
        sealed = {key: base64.b64encode(value.encode()).decode() for key, value in self.secrets[name].items()}
        return web.json_response({"kind": "Secret", "metadata": {"name": name}, "data": sealed})

    async def create_secret(self, request: web.Request) -> web.Response:
        body = await request.json()
        name = body["metadata"]["name"]
        if name in self.secrets:
            return status(409)
        self.secrets[name] = body["stringData"]
        return web.json_response({"kind": "Secret", "metadata": {"name": name}}, status=201)

    async def patch_secret(self, request: web.Request) -> web.Response:
        self.secrets[request.match_info["name"]].update((await request.json())["stringData"])
        return web.json_response({"kind": "Secret", "metadata": {"name": request.match_info["name"]}})

    async def get_applications(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {RAY_TOKEN}":
            return web.Response(status=401)
        return web.json_response({"applications": self.applications})

    async def put_applications(self, request: web.Request) -> web.Response:
        self.put.append(await request.json())
        return web.Response()


def touch(manifest: dict[str, Any]) -> None:
    manifest["metadata"]["resourceVersion"] = str(int(manifest["metadata"]["resourceVersion"]) + 1)


def status(code: int) -> web.Response:
    return web.json_response({"kind": "Status", "status": "Failure", "code": code}, status=code)


def serve(fake: FakeKubernetes, *, ready: threading.Event, loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    runner = web.AppRunner(fake.routes())
    loop.run_until_complete(runner.setup())
    site = web.TCPSite(runner, "127.0.0.1", 0)
    loop.run_until_complete(site.start())
    fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    ready.set()
    loop.run_forever()
    loop.run_until_complete(runner.cleanup())
    loop.close()


@pytest.fixture
def fake() -> Iterator[FakeKubernetes]:
    fake = FakeKubernetes(
        clusters={"box-ray": ray_cluster()}, services={"box-ray-head-svc": {"gcs-server": 6379, "dashboard": 8265}}
    )
    ready, loop = threading.Event(), asyncio.new_event_loop()
    thread = threading.Thread(target=serve, args=(fake,), kwargs={"ready": ready, "loop": loop}, daemon=True)
    thread.start()
    assert ready.wait(10)
    yield fake
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)


@pytest.fixture
def api(fake: FakeKubernetes) -> KubeApi:
    return KubeApi(Configuration(host=fake.url), namespace=NAMESPACE)


@pytest.fixture
def cluster(fake: FakeKubernetes, api: KubeApi) -> KubernetesCluster:
    """The adapter; the head's address inside the cluster is not reachable from here, so it is led to the fake."""
    return KubernetesCluster(api, name="box-ray", connect=lambda _url: ServeRestCluster(fake.url, token=RAY_TOKEN))
