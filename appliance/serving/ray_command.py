"""How Ray is started on this box: its arguments and its environment, as pure functions that the service table calls.

Every listener stays on loopback, every port comes from `box.json`, and parts that the appliance does not use are left
out (the autoscaler's monitor, the log monitor, the Ray client server, the metrics exporters).
Flags and variables: https://docs.ray.io/en/latest/cluster/cli.html and `ray/_private/ray_constants.py` of Ray 2.60.
"""

import json
import os
import sys

from appliance.base.box import Box
from appliance.base.child_env import child_env
from appliance.base.ids import public_id
from appliance.base.paths import Home
from appliance.base.secret_files import Secret
from appliance.base.settings import Settings
from appliance.serving.spec import node_resource

OBJECT_STORE_BYTES = 75 * 1024 * 1024  # Ray's least; replicas exchange no objects, their bytes go engine to gateway
LOG_BYTES = 16 * 1024 * 1024
START_HOOK = "appliance.serving.ray_start_hook.leave_out_what_is_unused"


def ray_head_command(home: Home, *, box: Box) -> list[str]:
    """`ray start --head --block` for this box; it runs in the foreground and ends its processes on SIGTERM."""
    ports = box.ports
    flags: dict[str, str | int] = {
        "node-ip-address": "127.0.0.1",
        "port": ports.ray_gcs,
        "dashboard-host": "127.0.0.1",
        "dashboard-port": ports.ray_dashboard,
        "dashboard-agent-listen-port": ports.ray_dashboard_agent_http,
        "dashboard-agent-grpc-port": ports.ray_dashboard_agent_grpc,
        "node-manager-port": ports.ray_node_manager,
        "object-manager-port": ports.ray_object_manager,
        "runtime-env-agent-port": ports.ray_runtime_env_agent,
        "metrics-export-port": ports.ray_metrics_export,
        "min-worker-port": ports.ray_worker_first,
        "max-worker-port": ports.ray_worker_last,
        "temp-dir": str(home.ray_temp),
        "object-store-memory": OBJECT_STORE_BYTES,
        "num-cpus": len(os.sched_getaffinity(0)),
        "resources": json.dumps({node_resource(public_id("node", box.node_id)): 1}),
        "include-dashboard": "true",
        "include-log-monitor": "false",
    }
    options = [f"--{name}={value}" for name, value in flags.items()]
    return [
        sys.executable,
        *("-m", "ray.scripts.scripts", "start", "--head", "--block", "--no-monitor", "--disable-usage-stats"),
        *options,
    ]


def ray_environment(home: Home, *, box: Box, settings: Settings) -> dict[str, str]:
    """Ray's whole environment. Replicas inherit it; engines do not (`appliance.base.child_env.engine_env`)."""
    return child_env(
        {
            "APPLIANCE_HOME": str(home.root),
            "APPLIANCE_LOG_LEVEL": settings.log_level,
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(home.secrets / Secret.RAY_TOKEN.value),
            "RAY_ADDRESS": f"127.0.0.1:{box.ports.ray_gcs}",
            # Ray renices its workers to 15 and an engine inherits it: docs/adr/0003-first-token-under-ray.md.
            "RAY_worker_niceness": "0",
            # Ray swaps 127.0.0.1 for the outside address unless multi-node is off; then all its listeners stay inside.
            "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
            # On SIGTERM Ray waits 30 s for replicas to move to another node; this box has none.
            "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0",
            # Ray would kill a lost replica's keeper before the keeper can end the engine with all its children.
            "RAY_kill_child_processes_on_worker_exit": "0",
            "RAY_START_HOOK": START_HOOK,
            "RAY_enable_metrics_collection": "0",
            # Ten turns a second cost 3 % of a core for ever; two are enough to notice a lost replica.
            "RAY_SERVE_CONTROL_LOOP_INTERVAL_S": "0.5",
            "DASHBOARD_METRIC_PORT": str(box.ports.ray_client),
            # Ray would kill the replica, the small process, when its engine, the big one, fills the memory.
            "RAY_memory_monitor_refresh_ms": "0",
            "RAY_ROTATION_MAX_BYTES": str(LOG_BYTES),
            "RAY_ROTATION_BACKUP_COUNT": "2",
        }
    )
