"""Serve opens a gRPC server in every replica, on all addresses, for calls between deployments. Ours make none, and what
arrives there is unpickled: it is bound to loopback.

Reaches into Ray 2.60's own module, so the Ray version is pinned and `tests/integration/serving` looks at the listeners.
"""

from typing import Any

import ray.serve._private.replica

ANY_ADDRESS = "[::]:"
LOOPBACK = "127.0.0.1:"


def keep_to_loopback() -> None:
    """Call it in the replica's process before the replica is initialized: its constructor is early enough."""
    module: Any = ray.serve._private.replica
    opens = module.add_port_to_grpc_server

    def opens_on_loopback(server: Any, address: str) -> int:
        return opens(server, address.replace(ANY_ADDRESS, LOOPBACK))

    module.add_port_to_grpc_server = opens_on_loopback
