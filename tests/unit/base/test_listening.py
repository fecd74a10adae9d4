"""Unix socket on a box, TCP in a pod."""

from pathlib import Path

from appliance.base.listening import listen_at
from appliance.base.settings import ClusterSettings, Settings

SOCKET = Path("/tmp/ts-0/api.sock")


def test_a_box_listens_on_its_socket() -> None:
    assert listen_at(Settings(), socket=SOCKET) == {"uds": str(SOCKET)}


def test_a_pod_listens_on_a_port() -> None:
    settings = Settings(cluster=ClusterSettings.model_validate({"listen_host": "0.0.0.0", "listen_port": 8080}))
    assert listen_at(settings, socket=SOCKET) == {"host": "0.0.0.0", "port": 8080}
