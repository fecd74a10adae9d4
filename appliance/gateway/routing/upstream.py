"""One side that can be asked: a replica's engine or an endpoint elsewhere, behind the same few calls for the relay."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from appliance.base.contracts.routes import Target
from appliance.base.errors import ApplianceError, EngineTimeout, RateLimited, Unavailable
from appliance.gateway.engine_connection import EngineConnection, connect, render_request
from appliance.gateway.faults import EngineFailed
from appliance.gateway.metering import Admitted, Asked
from appliance.gateway.replicas import Replica
from appliance.gateway.routing.external import Endpoint
from appliance.gateway.routing.names import AnswerName, with_model
from appliance.gateway.routing.translation import Translator
from appliance.gateway.wire.endpoints import ENDPOINTS

RETRY_AFTER_SECONDS = 2.0


class NotAnswered(Exception):
    """Nothing usable came before the first byte: somebody else may be asked; `error` is for the client otherwise.

    `was_asked`: an engine did work for it. `is_gone`: nobody listens there. `is_broken`: the connection was closed
    without an answer. `is_fault`: it speaks against who was asked; being full does not.
    """

    def __init__(
        self,
        error: ApplianceError,
        *,
        was_asked: bool,
        reason: object = "",
        is_gone: bool = False,
        is_broken: bool = False,
        is_fault: bool = True,
    ) -> None:
        super().__init__(error.message)
        self.error = error
        self.was_asked = was_asked
        self.reason = reason
        self.is_gone = is_gone
        self.is_broken = is_broken
        self.is_fault = is_fault


class Upstream(Protocol):
    """`rename` and `translate` change what comes back; None where it passes as it is."""

    @property
    def asked(self) -> Asked: ...
    @property
    def rename(self) -> Callable[[bytes], bytes] | None: ...
    @property
    def translator(self) -> Translator | None: ...
    async def open(self) -> EngineConnection: ...
    def render(self, request: Admitted, *, headers: Mapping[str, str]) -> bytes: ...
    def busier(self, by: int) -> None: ...


@dataclass
class ReplicaUpstream:
    replica: Replica
    target: Target
    public_name: str
    connect_timeout_seconds: float
    translator: Translator | None = None
    rename: Callable[[bytes], bytes] | None = field(init=False)

    def __post_init__(self) -> None:
        self.rename = AnswerName(self.public_name) if self.target.model != self.public_name else None

    @property
    def asked(self) -> Asked:
        record = self.replica.record
        return Asked(served_model_id=record.served_model_id, version_id=record.version_id)

    async def open(self) -> EngineConnection:
        return await connect(self.replica.record.endpoint, timeout_seconds=self.connect_timeout_seconds)

    def render(self, request: Admitted, *, headers: Mapping[str, str]) -> bytes:
        body = request.parsed.body
        if self.rename is not None:
            body = with_model(body, name=self.target.model)
        return render_request(ENDPOINTS[request.path].engine_path, body=body, headers=headers)

    def busier(self, by: int) -> None:
        self.replica.in_flight += by


@dataclass
class ExternalUpstream:
    """`anew`: not on a connection that was idle, which the other side may just have closed. `was_reused`: it was."""

    endpoint: Endpoint
    target: Target
    public_name: str
    translator: Translator | None = None
    anew: bool = False
    was_reused: bool = False
    rename: Callable[[bytes], bytes] | None = field(init=False)

    def __post_init__(self) -> None:
        self.rename = AnswerName(self.public_name)

    @property
    def asked(self) -> Asked:
        return Asked(external_endpoint_id=self.endpoint.fact.endpoint_id)

    async def open(self) -> EngineConnection:
        connection = await self.endpoint.open(anew=self.anew)
        self.was_reused = connection.is_reused
        return connection

    def render(self, request: Admitted, *, headers: Mapping[str, str]) -> bytes:
        """The request id goes along; nothing else that the client sent as a header does, its key least of all."""
        path, body = ENDPOINTS[request.path].engine_path, with_model(request.parsed.body, name=self.target.model)
        if self.translator is not None:
            path, body = self.translator.request(path, body=body)
        lines = [f"POST {self.endpoint.path_of(path)} HTTP/1.1", f"host: {self.endpoint.host_header}"]
        lines += ["content-type: application/json", "accept: application/json, text/event-stream"]
        lines += [f"{name}: {value}" for name, value in {**headers, **self.endpoint.headers()}.items()]
        lines += [f"content-length: {len(body)}", "", ""]
        return "\r\n".join(lines).encode("latin-1") + body

    def busier(self, by: int) -> None:
        """Its gate counts."""


def refuse_early(status: int, *, upstream: Upstream) -> None:
    """Raises NotAnswered for a status after which somebody else may be asked."""
    refusal = passed_over(status, is_external=upstream.asked.external_endpoint_id is not None)
    if refusal is not None:
        raise NotAnswered(refusal, was_asked=True, reason=f"HTTP {status}", is_fault=status != 429)


def passed_over(status: int, *, is_external: bool) -> ApplianceError | None:
    """What a refusal means that somebody else may be asked about; None for an answer that is the client's.

    An endpoint that refuses our key is the admin's trouble, not the client's.
    """
    if status == 429:
        return RateLimited("The engine is full; try again soon.", retry_after_seconds=RETRY_AFTER_SECONDS)
    if status in (404, 503) or (is_external and status in (401, 402, 403)):
        return Unavailable("The engine is not ready for this model.", retry_after_seconds=RETRY_AFTER_SECONDS)
    if status in (408, 504):
        return EngineTimeout("The engine took too long over this request.")
    if status >= 500 and status != 501:
        return EngineFailed()
    return None
