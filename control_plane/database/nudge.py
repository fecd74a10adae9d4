"""Nudges: a best-effort word over Redis that hurries a reconciler. A lost one costs a sweep's interval, no more."""

from collections.abc import Callable

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from appliance.base.logs import get_logger
from appliance.base.secret_files import Secret, read_secret
from appliance.base.settings import Settings

NUDGE_CHANNEL = "control_plane.nudge"
SNAPSHOT = "snapshot"
"""The reconciler that writes the gateway's snapshot."""
TIMEOUT_SECONDS = 1.0

log = get_logger(__name__)


def make_redis(settings: Settings) -> redis.Redis:
    """The appliance's Redis over its socket, or the one of the settings; connects when first used."""
    password = read_secret(settings.paths, Secret.REDIS_PASSWORD)
    if settings.redis.url:
        return redis.Redis.from_url(  # pyright: ignore[reportUnknownMemberType]
            settings.redis.url,
            password=password,
            decode_responses=True,
            socket_connect_timeout=TIMEOUT_SECONDS,
            socket_timeout=TIMEOUT_SECONDS,
            retry=one_retry(),
        )
    return redis.Redis(
        unix_socket_path=str(settings.paths.redis_socket),
        password=password,
        decode_responses=True,
        socket_connect_timeout=TIMEOUT_SECONDS,
        socket_timeout=TIMEOUT_SECONDS,
        retry=one_retry(),
    )


def one_retry() -> Retry:
    """Once, for a connection that a restart broke. The default goes on for 4 s: too long for what may be lost."""
    return Retry(NoBackoff(), 1)


def nudge_publisher(client: redis.Redis) -> Callable[[str], None]:
    """For `transaction(publish=...)`: PUBLISH the reconciler's name; Redis being down is only logged."""

    def publish(reconciler: str) -> None:
        try:
            client.publish(NUDGE_CHANNEL, reconciler)  # pyright: ignore[reportUnknownMemberType]
        except redis.RedisError as error:
            log.warning("nudge_was_not_sent", reconciler=reconciler, reason=str(error))

    return publish
