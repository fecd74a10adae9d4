"""Run by `ray start` before it starts anything (`RAY_START_HOOK`): leaves out parts for which it has no flag.

Reaches into Ray 2.60's own modules, so the Ray version is pinned and `tests/integration/serving` counts what runs.
"""

from collections.abc import Callable
from typing import Any

from ray._private import ray_constants, services

# Of the dashboard's ten parts, each a process of its own, we use the Serve REST interface alone.
DASHBOARD_PARTS = ("ServeHead",)


def leave_out_what_is_unused(ray_params: Any, head: bool) -> None:  # noqa: ARG001  Ray sets the signature
    """No Ray client server (`ray start` refuses every port that would mean none), and one part of the dashboard."""
    ray_params.ray_client_server_port = None
    start: Any = services.start_ray_process  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    services.start_ray_process = _with_fewer_parts(start)


def _with_fewer_parts(start: Callable[..., Any]) -> Callable[..., Any]:
    def start_with_fewer_parts(command: list[str], process_type: str, *args: Any, **kwargs: Any) -> Any:
        if process_type == ray_constants.PROCESS_TYPE_DASHBOARD:
            command = [*command, f"--modules-to-load={','.join(DASHBOARD_PARTS)}"]
        return start(command, process_type, *args, **kwargs)

    return start_with_fewer_parts
