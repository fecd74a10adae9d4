"""The history of cards' figures: what one heartbeat adds to it, what may be asked of it, how long it is kept.

Every heartbeat is added to its minute and to its hour, so that a month of eight cards is read from 5,760 rows of hours
and not from 345,600 of minutes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from appliance.base.errors import BadRequest
from control_plane.nodes.tables import Accelerator

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
KEPT = {MINUTE: timedelta(days=8), HOUR: timedelta(days=400)}
"""How long samples of each width stay."""

FIGURES = ("utilization", "memory_used_bytes", "temperature_celsius", "power_watts")

MOST_BUCKETS = 1440
"""A day in minutes, which is also the most that OpenAI's usage API gives at once."""


class SampleWidth(StrEnum):
    MINUTE = "1m"
    HOUR = "1h"
    DAY = "1d"

    @property
    def length(self) -> timedelta:
        return {SampleWidth.MINUTE: MINUTE, SampleWidth.HOUR: HOUR, SampleWidth.DAY: DAY}[self]

    @property
    def unit(self) -> str:
        """As PostgreSQL's `date_trunc` names it."""
        return self.name.lower()

    @property
    def source(self) -> timedelta:
        """The width of the samples that a bucket is made of."""
        return min(self.length, HOUR)


@dataclass(frozen=True, kw_only=True)
class SampleQuery:
    """Of one node. The bucket that holds `start` is whole."""

    node_id: UUID
    start: datetime
    end: datetime
    width: SampleWidth

    @property
    def first_bucket(self) -> datetime:
        return floor(self.start, self.width.length)

    def check(self) -> None:
        """Raises BadRequest for a span that is empty or would make an answer without end."""
        if self.end <= self.start:
            raise BadRequest("`end_time` must lie after `start_time`.", param="end_time")
        if (self.end - self.first_bucket) / self.width.length > MOST_BUCKETS:
            raise BadRequest(
                f"That span has more than {MOST_BUCKETS} buckets of {self.width.value}.",
                hint="Ask for a shorter span, or for wider buckets.",
                param="start_time",
            )


def floor(time: datetime, width: timedelta) -> datetime:
    """The start of the minute, hour or day (UTC) that holds `time`."""
    return time - (time - datetime(1970, 1, 1, tzinfo=UTC)) % width


def sample_rows(accelerators: Iterable[Accelerator], *, now: datetime) -> list[dict[str, Any]]:
    """What the cards that were seen just now add to their minutes and hours; nothing for one without any figure.

    In the order of the keys, so that two writers never wait for each other in a circle.
    """
    rows: list[dict[str, Any]] = []
    for accelerator in accelerators:
        figures = {figure: getattr(accelerator, f"observed_{figure}") for figure in FIGURES}
        if accelerator.observed_at == now and any(value is not None for value in figures.values()):
            rows.extend(sample_row(accelerator.id, figures, width=width, now=now) for width in KEPT)
    return sorted(rows, key=lambda row: (row["accelerator_id"], row["width_seconds"]))


def sample_row(
    accelerator_id: UUID, figures: dict[str, float | None], *, width: timedelta, now: datetime
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "accelerator_id": accelerator_id,
        "width_seconds": int(width.total_seconds()),
        "start_time": floor(now, width),
    }
    for figure, value in figures.items():
        row |= {f"{figure}_count": int(value is not None), f"{figure}_sum": value or 0.0, f"{figure}_max": value}
    return row
