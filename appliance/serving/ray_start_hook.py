"""Run by `ray start` before it starts anything (`RAY_START_HOOK`): leaves out parts for which it has no flag."""

from typing import Any


def leave_out_what_is_unused(ray_params: Any, head: bool) -> None:  # noqa: ARG001  Ray sets the signature
    """No Ray client server: it is one more port and 90 MB, and `ray start` refuses every value that would mean none."""
    ray_params.ray_client_server_port = None
