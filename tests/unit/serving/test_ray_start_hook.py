"""What the hook changes of what Ray starts, and that it leaves the rest alone."""

from types import SimpleNamespace
from typing import Any

import pytest
from ray._private import ray_constants, services

from appliance.serving import ray_start_hook


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """Command lines by kind of process, as Ray would start them with the hook in place."""
    commands: dict[str, list[str]] = {}

    def record(command: list[str], process_type: str, fate_share: bool) -> None:
        assert fate_share
        commands[process_type] = command

    monkeypatch.setattr(services, "start_ray_process", record)
    return commands


def test_only_the_dashboard_gets_fewer_parts(started: dict[str, list[str]]) -> None:
    params = SimpleNamespace(ray_client_server_port=10001)
    ray_start_hook.leave_out_what_is_unused(params, head=True)
    for kind in (ray_constants.PROCESS_TYPE_DASHBOARD, ray_constants.PROCESS_TYPE_RAYLET):
        start: Any = services.start_ray_process  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        start(["program"], kind, fate_share=True)
    assert params.ray_client_server_port is None
    assert started[ray_constants.PROCESS_TYPE_DASHBOARD] == ["program", "--modules-to-load=ServeHead"]
    assert started[ray_constants.PROCESS_TYPE_RAYLET] == ["program"]
