"""How Ray is started: closed to the outside, and nothing in its environment that makes an engine slow."""

from pathlib import Path

import pytest

from appliance.base.box import Box, Ports
from appliance.base.ids import new_uuid
from appliance.base.paths import Home
from appliance.base.settings import load_settings
from appliance.serving.ray_command import ray_environment, ray_head_command

PORTS = Ports(**{name: 20000 + index for index, name in enumerate(Ports.model_fields)})
BOX = Box(node_id=new_uuid(), ports=PORTS)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_every_port_of_ray_comes_from_the_box(home: Home) -> None:
    settings = load_settings({})
    said = " ".join([*ray_head_command(home, box=BOX), *ray_environment(home, box=BOX, settings=settings).values()])
    for name, port in PORTS.model_dump().items():
        if name != "public":
            assert str(port) in said, name


def test_ray_is_closed_to_the_outside(home: Home) -> None:
    command = ray_head_command(home, box=BOX)
    assert "--node-ip-address=127.0.0.1" in command
    assert "--dashboard-host=127.0.0.1" in command
    env = ray_environment(home, box=BOX, settings=load_settings({}))
    assert env["RAY_AUTH_MODE"] == "token"
    assert env["RAY_AUTH_TOKEN_PATH"] == str(home.secrets / "ray_token")
    assert env["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] == "0"


def test_replicas_are_not_made_less_important_than_the_rest(home: Home) -> None:
    """Engines inherit it: docs/adr/0003-first-token-under-ray.md."""
    assert ray_environment(home, box=BOX, settings=load_settings({}))["RAY_worker_niceness"] == "0"


def test_sockets_fit_into_107_characters(tmp_path: Path) -> None:
    deep = Home(tmp_path.joinpath(*["a-folder-with-a-long-name"] * 8))
    assert len(str(deep.ray_temp)) + 63 <= 107
