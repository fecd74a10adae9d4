"""Spool records turned into rows, and the months of partitions."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from appliance.base.errors import BadRequest
from appliance.base.ids import public_id
from control_plane.usage.domain import MOST_BUCKETS, BucketWidth, UsageQuery, any_id
from control_plane.usage.partitions import month_starts, partition_name

KEY = UUID("01a2064e-e164-7b0e-baf5-0ebac83d0830")


@pytest.mark.parametrize(
    ("text", "found"),
    [(public_id("key", KEY), KEY), (str(KEY), KEY), (KEY.hex, KEY), (public_id("proj", KEY), None), ("", None)],
)
def test_an_id_is_public_or_bare(text: str, found: object) -> None:
    assert any_id("key", text) == found


def test_months_go_over_the_turn_of_the_year() -> None:
    months = list(month_starts(datetime(2026, 11, 30, 23, tzinfo=UTC), 4))
    assert [partition_name(month) for month in months] == [
        "usage_events_y2026m11",
        "usage_events_y2026m12",
        "usage_events_y2027m01",
        "usage_events_y2027m02",
    ]


@pytest.mark.parametrize(
    ("width", "first"),
    [(BucketWidth.HOUR, datetime(2026, 5, 4, 13, tzinfo=UTC)), (BucketWidth.DAY, datetime(2026, 5, 4, tzinfo=UTC))],
)
def test_buckets_begin_on_the_hour_and_the_day(width: BucketWidth, first: datetime) -> None:
    start = datetime(2026, 5, 4, 13, 59, 59, 5, tzinfo=UTC)
    assert UsageQuery(start=start, end=start, width=width).first_bucket == first


@pytest.mark.parametrize(("hours", "allowed"), [(1, True), (MOST_BUCKETS, True), (MOST_BUCKETS + 1, False), (0, False)])
def test_a_span_is_neither_empty_nor_endless(hours: int, allowed: bool) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    query = UsageQuery(start=start, end=start + BucketWidth.HOUR.length * hours, width=BucketWidth.HOUR)
    if allowed:
        query.check()
        assert query.first_bucket == start
    else:
        with pytest.raises(BadRequest):
            query.check()
