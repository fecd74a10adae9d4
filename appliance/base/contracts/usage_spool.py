"""The usage spool: append-only JSON lines on the gateway's disk, a start and an end record per request.

Files `spool/usage-<gateway id>-<sequence>.jsonl`. The writer appends whole lines and closes a file at `ROLL_BYTES`;
the shipper reads complete lines, sends them to the control plane, which inserts idempotently by request id, and
removes a closed file once all of it was acknowledged. A start without an end becomes `broken_off` with its reserved
estimate once its gateway process is gone: a living gateway holds an exclusive `flock` on `spool/usage-<gateway
id>.lock`, taken before it makes its first spool file.
"""

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

SPOOL_FORMAT = 1
ROLL_BYTES = 8 * 1024 * 1024
SPOOL_FILE_PATTERN = re.compile(r"usage-([0-9a-f]{32})-([0-9]{6,})\.jsonl")
LOCK_FILE_PATTERN = re.compile(r"usage-([0-9a-f]{32})\.lock")


def spool_file_name(gateway_id: str, *, sequence: int) -> str:
    """Sorted by name, the files of one gateway are in the order of their writing."""
    return f"usage-{gateway_id}-{sequence:06d}.jsonl"


def lock_file_name(gateway_id: str) -> str:
    return f"usage-{gateway_id}.lock"


class UsageStart(BaseModel):
    """Written before the engine is asked. Token figures are estimates from bytes; times in Unix seconds.

    `route` is the route's id where the public name is one; `external_endpoint_id` where an endpoint elsewhere is asked,
    and then served model and version are empty. `shadow`: a copy that no client waits for.
    """

    model_config = ConfigDict(frozen=True)

    record: Literal["start"] = "start"
    format: int = SPOOL_FORMAT
    request_id: str
    key_id: str
    project_id: str
    user_id: str | None = None
    served_model_id: str
    version_id: str
    model: str
    endpoint: str
    started_at: float
    reserved_prompt_tokens: int
    reserved_completion_tokens: int
    route: str | None = None
    external_endpoint_id: str | None = None
    shadow: bool = False


class UsageEnd(BaseModel):
    """Written after the last byte. `status` is the HTTP status, 499 when the client left.

    `served_model_id`, `version_id`, `external_endpoint_id`: who was asked last, where that is another than the start
    record says. `fallback`: not the first choice answered.
    """

    model_config = ConfigDict(frozen=True)

    record: Literal["end"] = "end"
    format: int = SPOOL_FORMAT
    request_id: str
    ended_at: float
    first_byte_seconds: float | None = None
    status: int
    outcome: Literal["completed", "broken_off", "failed"]
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0
    estimated: bool = False
    served_model_id: str | None = None
    version_id: str | None = None
    external_endpoint_id: str | None = None
    fallback: bool = False


UsageRecord = Annotated[UsageStart | UsageEnd, Field(discriminator="record")]
