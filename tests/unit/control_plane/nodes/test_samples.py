"""What a heartbeat adds to the history, and what may be asked of it."""

from datetime import UTC, datetime, timedelta

import pytest

from appliance.base.errors import BadRequest
from appliance.base.ids import new_uuid
from control_plane.nodes.samples import MOST_BUCKETS, SampleQuery, SampleWidth, floor, sample_rows
from control_plane.nodes.tables import Accelerator

NOW = datetime(2026, 3, 5, 12, 34, 56, 789, tzinfo=UTC)


def query(width: SampleWidth, span: timedelta) -> SampleQuery:
    return SampleQuery(node_id=new_uuid(), start=NOW - span, end=NOW, width=width)


@pytest.mark.parametrize(
    ("width", "expected"),
    [(SampleWidth.MINUTE, (12, 34)), (SampleWidth.HOUR, (12, 0)), (SampleWidth.DAY, (0, 0))],
)
def test_buckets_begin_at_whole_minutes_hours_and_days(width: SampleWidth, expected: tuple[int, int]) -> None:
    start = floor(NOW, width.length)
    assert (start.day, (start.hour, start.minute), start.second, start.microsecond) == (5, expected, 0, 0)


def test_a_heartbeat_adds_to_a_minute_and_an_hour_of_each_card_it_saw() -> None:
    seen = Accelerator(id=new_uuid(), observed_at=NOW, observed_utilization=0.5, observed_power_watts=0.0)
    gone = Accelerator(id=new_uuid(), observed_at=NOW - timedelta(seconds=10), observed_utilization=0.5)
    silent = Accelerator(id=new_uuid(), observed_at=NOW)
    minute, hour = sample_rows([seen, gone, silent], now=NOW)
    assert (minute["accelerator_id"], minute["width_seconds"], hour["width_seconds"]) == (seen.id, 60, 3600)
    assert (minute["start_time"].minute, hour["start_time"].minute) == (34, 0)
    told = {name: minute[name] for name in minute if name.startswith(("utilization", "power", "temperature"))}
    assert told == {
        "utilization_count": 1,
        "utilization_sum": 0.5,
        "utilization_max": 0.5,
        "temperature_celsius_count": 0,
        "temperature_celsius_sum": 0.0,
        "temperature_celsius_max": None,
        "power_watts_count": 1,
        "power_watts_sum": 0.0,
        "power_watts_max": 0.0,
    }


@pytest.mark.parametrize("width", SampleWidth)
def test_an_answer_has_a_bound(width: SampleWidth) -> None:
    query(width, width.length * (MOST_BUCKETS - 1)).check()
    with pytest.raises(BadRequest, match="1440 buckets"):
        query(width, width.length * (MOST_BUCKETS + 1)).check()
    with pytest.raises(BadRequest, match="after"):
        query(width, timedelta(0)).check()
