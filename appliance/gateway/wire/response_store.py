"""Stored responses as the gateway sees them: a port. The control plane keeps them; the gateway holds none.

`previous_response_id` leads to a chain of earlier responses of the same project; their items stand before the input.
"""

from dataclasses import dataclass
from typing import Any, Protocol

from appliance.base.contracts.snapshot import SnapshotKey


@dataclass(frozen=True, kw_only=True)
class FinishedResponse:
    """`body` is the response as the client got it, `input_items` what this request added to the conversation."""

    id: str
    body: dict[str, Any]
    input_items: list[dict[str, Any]]
    previous_id: str | None


class ResponseStore(Protocol):
    async def chain(self, response_id: str, *, key: SnapshotKey, request_id: str) -> list[dict[str, Any]]:
        """All items up to and with this response, oldest first; raises NotFound, or Unavailable when nobody knows."""
        ...

    async def put(self, response: FinishedResponse, *, key: SnapshotKey, request_id: str) -> None:
        """Raises Unavailable where it was not stored."""
        ...
