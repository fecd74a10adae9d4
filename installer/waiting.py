"""Waiting for a condition with a deadline: the one place where the installer sleeps."""

import time
from collections.abc import Callable

from appliance.base import clock
from appliance.base.errors import SetupError

STEP_SECONDS = 0.1


def wait_until(
    is_so: Callable[[], bool],
    *,
    seconds: float,
    what: str | Callable[[], str],
    hint: str | None = None,
    step_seconds: float = STEP_SECONDS,
) -> None:
    """Return as soon as `is_so()`; raises SetupError after `seconds`, saying `what` was waited for."""
    deadline = clock.monotonic() + seconds
    while not is_so():
        if clock.monotonic() > deadline:
            subject = what if isinstance(what, str) else what()
            raise SetupError(f"Waited {seconds:.0f} s for {subject}.", hint=hint or "See `appliance logs`.")
        time.sleep(step_seconds)
