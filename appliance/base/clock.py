"""The one place that reads the time, so that tests can set it and units are never in doubt."""

import time
from datetime import UTC, datetime


def now() -> datetime:
    """The current time, timezone-aware, in UTC."""
    return datetime.now(UTC)


def unix_seconds() -> int:
    """Seconds since 1970, as OpenAI's API writes `created`."""
    return int(time.time())


def unix_time() -> float:
    """Seconds since 1970 with a fraction; comparable across processes of one node."""
    return time.time()


def monotonic() -> float:
    """Seconds that never jump; for durations and deadlines inside one process."""
    return time.monotonic()
