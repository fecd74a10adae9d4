from typing import Any

import httpx
import pytest

from control_plane.cluster.local import ServeRestCluster
from control_plane.cluster.port import ApplicationStatus, ClusterRefused, ClusterUnreachable

DETAILS: dict[str, Any] = {
    "applications": {
        "srv-a": {
            "status": "RUNNING",
            "message": "",
            "deployed_app_config": {"name": "srv-a"},
            "deployments": {"engine": {"replicas": [{"state": "RUNNING"}, {"state": "STARTING"}]}},
        },
        "srv-b": {"status": "A_NEW_WORD", "deployed_app_config": None, "deployments": {}},
    }
}


def cluster(status: int = 200, body: Any = DETAILS, *, seen: list[httpx.Request] | None = None) -> ServeRestCluster:
    def answer(request: httpx.Request) -> httpx.Response:
        if seen is not None:
            seen.append(request)
        return httpx.Response(status, json=body)

    return ServeRestCluster("http://ray", token="secret", transport=httpx.MockTransport(answer))


def test_it_says_what_runs() -> None:
    applications = cluster().observe().applications
    assert applications["srv-a"].running_replicas == 1
    assert applications["srv-a"].config == {"name": "srv-a"}
    assert applications["srv-b"].status is ApplicationStatus.UNKNOWN


def test_a_document_is_put_whole_with_the_token() -> None:
    seen: list[httpx.Request] = []
    cluster(seen=seen).apply({"applications": []})
    assert (seen[0].method, seen[0].url.path) == ("PUT", "/api/serve/applications/")
    assert seen[0].headers["authorization"] == "Bearer secret"
    assert seen[0].content == b'{"applications":[]}'


@pytest.mark.parametrize(("status", "kind"), [(401, ClusterRefused), (400, ClusterRefused), (503, ClusterUnreachable)])
def test_errors_are_told_apart(status: int, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        cluster(status, {"detail": "x" * 2000}).observe()


def test_a_silent_cluster_is_unreachable() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    silent = ServeRestCluster("http://ray", token=None, transport=httpx.MockTransport(refuse))
    with pytest.raises(ClusterUnreachable, match="does not answer: ConnectError"):
        silent.observe()
