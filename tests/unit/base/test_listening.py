"""Unix socket on a box, TCP in a pod."""

from pathlib import Path

from appliance.base.listening import listen_at
from appliance.base.settings import ClusterSettings, load_settings

SOCKET = Path("/tmp/ts-0/api.sock")


def test_a_box_listens_on_its_socket() -> None:
    assert listen_at(load_settings({}), socket=SOCKET) == {"uds": str(SOCKET)}


def test_a_pod_listens_on_a_port() -> None:
    cluster = ClusterSettings.model_validate({"listen_host": "10.1.2.3", "listen_port": 8080})
    settings = load_settings({}).model_copy(update={"cluster": cluster})
    assert listen_at(settings, socket=SOCKET) == {"host": "10.1.2.3", "port": 8080}
