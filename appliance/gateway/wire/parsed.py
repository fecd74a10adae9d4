"""A request after its first reading, and what may still be missing for its body: the model's facts, stored state."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from appliance.base.contracts.snapshot import SnapshotKey, SnapshotModel
from appliance.base.errors import ApplianceError
from appliance.gateway.wire.response_store import ResponseStore

BYTES_PER_TOKEN = 4


class Turn(Protocol):
    """Turns one engine's answer into the shape of another wire; made anew for each engine that is asked.

    An answer is either whole, or fed in whole frames and closed; `fail` ends one that broke off.
    """

    async def whole(self, body: bytes) -> bytes: ...

    def feed(self, frames: bytes) -> bytes: ...

    async def close(self) -> bytes: ...

    def fail(self, error: ApplianceError) -> bytes: ...


@dataclass(frozen=True, kw_only=True)
class Around:
    """What stands around a request once its key and its model are known."""

    request_id: str
    key: SnapshotKey
    model: SnapshotModel
    store: ResponseStore


@dataclass(frozen=True)
class Need:
    """A capability that a request asks of its model, and the field by which it does."""

    capability: str
    param: str


@dataclass(frozen=True)
class ParsedRequest:
    """`body` is what the engine is sent; `keep_usage` says whether the usage frame is passed on; `user` is the client's
    word for the person behind it.

    `turn` makes what turns the answer; None where bytes pass as they are. `finish` makes the rest of the request where
    its body needs more than what the client sent; the relay sees it done.
    """

    model: str
    stream: bool
    keep_usage: bool
    body: bytes
    prompt_tokens: int
    completion_tokens: int | None
    needs: tuple[Need, ...] = ()
    user: str | None = None
    turn: Callable[[], Turn] | None = None
    finish: "Callable[[Around], Awaitable[ParsedRequest]] | None" = None


def estimated_tokens(body: bytes) -> int:
    return max(1, len(body) // BYTES_PER_TOKEN)
