"""From a request and how it went to the two records of the usage spool."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from appliance.base.clock import monotonic, unix_time
from appliance.base.contracts.snapshot import SnapshotKey, SnapshotModel
from appliance.base.contracts.usage_spool import UsageEnd, UsageStart
from appliance.gateway.request_body import ParsedRequest
from appliance.gateway.sse import TokenUsage
from appliance.gateway.usage_spool import UsageSpool

CLIENT_LEFT = 499
Outcome = Literal["completed", "broken_off", "failed"]


@dataclass(frozen=True)
class Admitted:
    """A request that passed all checks. `arrived` in monotonic seconds; `headers` as ASGI gives them."""

    request_id: str
    path: str
    key: SnapshotKey
    model: SnapshotModel
    parsed: ParsedRequest
    arrived: float
    headers: Sequence[tuple[bytes, bytes]] = ()


@dataclass(frozen=True)
class Asked:
    """Who is asked to answer a request: a version of a served model, or an endpoint elsewhere."""

    served_model_id: str = ""
    version_id: str = ""
    external_endpoint_id: str | None = None


class Meter:
    """Writes the start once, the end once; in between it is told what came. `route` is a route's id.

    `has_output`: the engine said something. `is_answering`: the client has some of the answer.
    """

    def __init__(
        self, spool: UsageSpool, *, request: Admitted, route: str | None = None, is_shadow: bool = False
    ) -> None:
        self.usage: TokenUsage | None = None
        self.frames = 0
        self.has_output = False
        self.is_answering = False
        self._spool = spool
        self._request = request
        self._prompt_tokens = reserved_prompt(request)
        self._first_byte_seconds: float | None = None
        self.route = route
        self.is_fallback = False
        self._is_shadow = is_shadow
        self._started_with: Asked | None = None
        self._asked = Asked()

    def start(self, asked: Asked) -> None:
        """Before an engine is asked; raises Insufficient where it cannot be written. The last one asked counts."""
        self._asked = asked
        if self._started_with is not None:
            return
        request = self._request
        record = UsageStart(
            request_id=request.request_id,
            key_id=request.key.key_id,
            project_id=request.key.project_id,
            user_id=request.key.user_id,
            served_model_id=asked.served_model_id,
            version_id=asked.version_id,
            model=request.model.name,
            endpoint=request.path,
            started_at=unix_time(),
            reserved_prompt_tokens=self._prompt_tokens,
            reserved_completion_tokens=reserved_completion(request),
            route=self.route,
            external_endpoint_id=asked.external_endpoint_id,
            shadow=self._is_shadow,
        )
        self._spool.start(record)
        self._started_with = asked

    def first_byte(self) -> None:
        self._first_byte_seconds = monotonic() - self._request.arrived

    def end(self, *, status: int, outcome: Outcome) -> None:
        """Figures are the engine's where it gave them, else estimates: reserved prompt, one token per frame."""
        if self._started_with is None:
            return
        other = self._asked if self._asked != self._started_with else None
        counted = self.usage or TokenUsage(self._prompt_tokens, self.frames)
        if outcome == "failed" and self.usage is None:
            counted = TokenUsage(0, 0)
        self._spool.end(
            UsageEnd(
                request_id=self._request.request_id,
                ended_at=unix_time(),
                first_byte_seconds=self._first_byte_seconds,
                status=status,
                outcome=outcome,
                prompt_tokens=counted.prompt_tokens,
                completion_tokens=counted.completion_tokens,
                cached_tokens=counted.cached_tokens,
                estimated=self.usage is None and outcome != "failed",
                served_model_id=other.served_model_id if other else None,
                version_id=other.version_id if other else None,
                external_endpoint_id=other.external_endpoint_id if other else None,
                fallback=self.is_fallback,
            )
        )


def reserved_prompt(request: Admitted) -> int:
    """Tokens by the body's length; a chat prompt is at most the model's context."""
    estimate = request.parsed.prompt_tokens
    return estimate if request.model.task == "embedding" else min(estimate, request.model.max_model_len)


def reserved_completion(request: Admitted) -> int:
    """What the client allowed, or the whole context where it set no limit."""
    asked = request.parsed.completion_tokens
    return request.model.max_model_len if asked is None else asked
