"""One thread per reconciler: run, write down how it went, wait for the interval or a nudge."""

import threading
from collections.abc import Callable

from appliance.base import clock
from appliance.base.errors import ApplianceError
from appliance.base.logs import get_logger
from control_plane.reconcilers.domain import Reconciler, wait_seconds
from control_plane.reconcilers.status import Outcome

log = get_logger(__name__)

LONGEST_ERROR_CHARACTERS = 1000


class ReconcilerLoop(threading.Thread):
    """Runs while `led` is set. A nudge wakes it at once, also out of the wait after a failure."""

    def __init__(
        self, reconciler: Reconciler, *, record: Callable[[Outcome], None], led: threading.Event, stop: threading.Event
    ) -> None:
        super().__init__(name=reconciler.name, daemon=True)
        self.reconciler = reconciler
        self.record = record
        self.led = led
        self.stop_event = stop
        self.woken = threading.Event()
        self.failures = 0

    def wake(self) -> None:
        self.woken.set()

    def run(self) -> None:
        while not self.stop_event.is_set():
            if self.led.is_set():
                self.turn()
            self.woken.wait(wait_seconds(self.reconciler.interval_seconds, failures=self.failures))
            self.woken.clear()

    def turn(self) -> None:
        began = clock.monotonic()
        try:
            backlog = self.reconciler.run()
        except Exception as error:
            self.failures += 1
            outcome = Outcome(backlog=1, duration_seconds=clock.monotonic() - began, error=describe(error))
            log.warning(
                "reconciler_failed", reconciler=self.name, reason=outcome.error, exc_info=self.is_unknown(error)
            )
        else:
            self.failures = 0
            outcome = Outcome(backlog=backlog, duration_seconds=clock.monotonic() - began)
        self.record(outcome)

    def is_unknown(self, error: Exception) -> bool:
        """A stack trace the first time, for errors that are not sentences already."""
        return self.failures == 1 and not isinstance(error, ApplianceError)


def describe(error: Exception) -> str:
    """What `appliance status` shows; an ApplianceError is a sentence already."""
    if isinstance(error, ApplianceError):
        text = f"{error.message} {error.hint or ''}".strip()
    else:
        lines = str(error).strip().splitlines()
        text = f"{type(error).__name__}: {lines[0] if lines else ''}"
    return text[:LONGEST_ERROR_CHARACTERS]
