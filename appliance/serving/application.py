"""Builds the Serve application of one replica; Ray calls `build` with the document's `args`."""

from typing import Any

from ray import serve

from appliance.base.settings import load_settings
from appliance.serving.replica import EngineReplica
from appliance.serving.spec import DEPLOYMENT_NAME, ReplicaSpec

HEALTH_CHECK_SECONDS = 1.0
HEALTH_CHECK_TIMEOUT_SECONDS = 10.0
STOP_MARGIN_SECONDS = 30.0


def build(args: dict[str, Any]) -> serve.Application:
    """One deployment with one replica, which supervises one engine. Raises ValidationError for wrong `args`."""
    spec = ReplicaSpec.model_validate(args)
    drain_seconds = load_settings().engines.drain_seconds
    deployment: serve.Deployment = serve.deployment(  # pyright: ignore[reportUnknownMemberType]
        name=DEPLOYMENT_NAME,
        ray_actor_options=spec.actor_options,
        health_check_period_s=HEALTH_CHECK_SECONDS,
        health_check_timeout_s=HEALTH_CHECK_TIMEOUT_SECONDS,
        graceful_shutdown_wait_loop_s=0.1,
        graceful_shutdown_timeout_s=drain_seconds + STOP_MARGIN_SECONDS,
        logging_config={"log_level": "WARNING", "enable_access_log": False},
    )(EngineReplica)
    return deployment.bind(spec.model_dump(mode="json"))  # pyright: ignore[reportUnknownMemberType]
