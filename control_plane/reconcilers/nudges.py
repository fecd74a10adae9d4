"""Listen for nudges over Redis and wake the loops they name. Without Redis every loop still runs at its interval."""

import threading
from collections.abc import Callable, Mapping
from typing import Any, cast

import redis

from appliance.base.logs import get_logger
from control_plane.database.nudge import NUDGE_CHANNEL

log = get_logger(__name__)

POLL_SECONDS = 1.0
RETRY_SECONDS = 1.0


class NudgeListener(threading.Thread):
    """`wakers` maps a reconciler's name to what wakes it."""

    def __init__(self, client: redis.Redis, *, wakers: Mapping[str, Callable[[], None]], stop: threading.Event) -> None:
        super().__init__(name="nudges", daemon=True)
        self.client = client
        self.wakers = wakers
        self.stop_event = stop

    def run(self) -> None:
        connected = True
        while not self.stop_event.is_set():
            try:
                self.listen()
            except redis.RedisError as error:
                if connected:
                    log.warning("nudges_are_not_heard", reason=str(error))
                connected = False
                self.stop_event.wait(RETRY_SECONDS)
            else:
                connected = True

    def listen(self) -> None:
        """Subscribe and wake until the connection breaks. After a break everybody is woken: a nudge may have been
        missed.
        """
        with cast(Any, self.client).pubsub(ignore_subscribe_messages=True) as subscription:
            subscription.subscribe(NUDGE_CHANNEL)
            for wake in self.wakers.values():
                wake()
            while not self.stop_event.is_set():
                message = subscription.get_message(timeout=POLL_SECONDS)
                if message is not None and (wake := self.wakers.get(str(message["data"]))):
                    wake()
