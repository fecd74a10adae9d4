"""What each gateway says of its load, once a second, for the autoscaler and for the other gateways.

Hash `gateway.load` in Redis, field = gateway id, value = the report as JSON. A report older than `STALE_SECONDS` is of
a gateway that has gone. No report at all means unknown, not idle. `WAKE_CHANNEL` carries the id of a served model that
somebody waits for although it has no replica.
"""

from pydantic import BaseModel, ConfigDict

LOAD_FORMAT = 1
LOAD_KEY = "gateway.load"
WAKE_CHANNEL = "gateway.wake"
PUBLISH_SECONDS = 1.0
STALE_SECONDS = 5.0


class ModelLoad(BaseModel):
    """Of one served model in one gateway. `arrivals_per_second` is a mean over about ten seconds."""

    model_config = ConfigDict(frozen=True)

    in_flight: int = 0
    queued: int = 0
    arrivals_per_second: float = 0.0


class LoadReport(BaseModel):
    """`published_at` in Unix seconds; models without any load are left out."""

    model_config = ConfigDict(frozen=True)

    format: int = LOAD_FORMAT
    gateway_id: str
    published_at: float
    models: dict[str, ModelLoad] = {}
