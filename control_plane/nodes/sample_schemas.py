"""The history of a node on the wire, in buckets shaped like the usage API's."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel
from sqlalchemy import Row

from appliance.base.ids import public_id
from control_plane.nodes.samples import FIGURES, SampleQuery


class FigureAnswer(BaseModel):
    """Over the heartbeats of the bucket that told the figure."""

    mean: float
    maximum: float


class SampleResult(BaseModel):
    """One accelerator in one bucket; a figure that no heartbeat told is null. `utilization` is 0 to 1."""

    object: Literal["node.sample"] = "node.sample"
    accelerator_id: str
    utilization: FigureAnswer | None = None
    memory_used_bytes: FigureAnswer | None = None
    temperature_celsius: FigureAnswer | None = None
    power_watts: FigureAnswer | None = None


class SampleBucket(BaseModel):
    object: Literal["bucket"] = "bucket"
    start_time: int
    end_time: int
    results: list[SampleResult]


class SamplePage(BaseModel):
    """Every bucket of the span, also the empty ones. One page always: `has_more` is false."""

    object: Literal["page"] = "page"
    data: list[SampleBucket]
    has_more: bool = False
    next_page: str | None = None


def sample_page(query: SampleQuery, rows: Sequence[Row[Any]]) -> SamplePage:
    by_bucket: dict[datetime, list[SampleResult]] = {}
    for row in rows:
        by_bucket.setdefault(row.bucket, []).append(sample_result(row))
    buckets: list[SampleBucket] = []
    start = query.first_bucket
    while start < query.end:
        end = start + query.width.length
        buckets.append(
            SampleBucket(
                start_time=int(start.timestamp()), end_time=int(end.timestamp()), results=by_bucket.get(start, [])
            )
        )
        start = end
    return SamplePage(data=buckets)


def sample_result(row: Row[Any]) -> SampleResult:
    figures = {
        figure: FigureAnswer(mean=mean, maximum=getattr(row, f"{figure}_max"))
        for figure in FIGURES
        if (mean := getattr(row, f"{figure}_mean")) is not None
    }
    return SampleResult(accelerator_id=public_id("acc", row.accelerator_id)).model_copy(update=figures)
