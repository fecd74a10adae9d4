"""Routes and endpoints on the wire. A key goes in and never comes out."""

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from appliance.base.contracts.routes import Balance, EndpointKind, Sticky
from appliance.base.ids import public_id
from appliance.base.tasks import Task
from control_plane.routes.domain import StoredShadow, StoredTarget, read_tiers
from control_plane.routes.tables import ExternalEndpointRow, RouteRow

NAME = r"^[A-Za-z0-9][A-Za-z0-9._:/-]*$"
ENDPOINT_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
MOST_WEIGHT = 10_000

Weight = Annotated[int, Field(ge=0, le=MOST_WEIGHT)]


class Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", protected_namespaces=())


class TargetRequest(Asked):
    """Either `served_model` (a public name, with `adapter` for one of its LoRA adapters) or `endpoint` and `model`."""

    served_model: str | None = Field(None, max_length=120)
    adapter: str | None = Field(None, max_length=120)
    endpoint: str | None = Field(None, max_length=120)
    model: str | None = Field(None, min_length=1, max_length=200, description="What the endpoint calls the model.")
    weight: Weight = 1

    @model_validator(mode="after")
    def leads_somewhere(self) -> Self:
        if (self.served_model is None) == (self.endpoint is None):
            raise ValueError("give `served_model` or `endpoint`, one of the two")
        if (self.endpoint is None) != (self.model is None):
            raise ValueError("`endpoint` and `model` go together")
        if self.adapter is not None and self.served_model is None:
            raise ValueError("`adapter` goes with `served_model`")
        return self


class ShadowRequest(Asked):
    target: TargetRequest
    percent: float = Field(gt=0, le=100)


class RouteRequest(Asked):
    """The whole route; one of the same name is replaced by PUT."""

    tiers: Annotated[
        list[Annotated[list[TargetRequest], Field(min_length=1, max_length=32)]], Field(min_length=1, max_length=8)
    ]
    sticky: Sticky = "none"
    balance: Balance = "least_load"
    shadow: ShadowRequest | None = None
    retry_percent: float = Field(20.0, ge=0, le=100, description="How many of its requests may be tried again.")
    task: Task | None = Field(None, description="Only where no served model says it.")
    max_model_len: int | None = Field(None, ge=16, le=10_000_000)
    project_id: str | None = Field(None, description="`proj-...`; every project when left out.")


class NewRouteRequest(RouteRequest):
    name: str = Field(pattern=NAME, max_length=120, description="The public name that clients send as `model`.")


class WeightsPatch(Asked):
    """By target, as the answers write it: `model`, `model+adapter`, `@endpoint/model`."""

    weights: Annotated[dict[str, Weight], Field(min_length=1, max_length=256)]


class TargetAnswer(BaseModel):
    target: str
    weight: int


class ShadowAnswer(BaseModel):
    target: str
    percent: float


class RouteAnswer(BaseModel):
    object: Literal["route"] = "route"
    id: str
    name: str
    project_id: str | None
    task: str
    max_model_len: int | None
    tiers: list[list[TargetAnswer]]
    sticky: str
    balance: str
    shadow: ShadowAnswer | None
    retry_percent: float
    created_at: int


class EndpointRequest(Asked):
    """`base_url` ends where the API's own paths begin, as in `https://api.example.com/v1`."""

    name: str = Field(pattern=ENDPOINT_NAME, max_length=80)
    kind: EndpointKind = "openai"
    base_url: str = Field(max_length=500)
    api_key: SecretStr | None = Field(None, max_length=4000)
    allow_private: bool = Field(False, description="It may be in a private network, and without TLS.")
    ca_certificates: str | None = Field(None, max_length=200_000, description="PEM, besides the system's authorities.")
    connect_timeout_seconds: float = Field(5.0, gt=0, le=120)
    first_byte_timeout_seconds: float = Field(120.0, gt=0, le=3600)
    max_concurrent: int = Field(64, ge=1, le=100_000)


class EndpointAnswer(BaseModel):
    object: Literal["external_endpoint"] = "external_endpoint"
    id: str
    name: str
    kind: str
    base_url: str
    has_key: bool
    allow_private: bool
    has_ca_certificates: bool
    connect_timeout_seconds: float
    first_byte_timeout_seconds: float
    max_concurrent: int
    created_at: int


def endpoint_answer(row: ExternalEndpointRow) -> EndpointAnswer:
    return EndpointAnswer(
        id=public_id("end", row.id),
        name=row.name,
        kind=row.kind,
        base_url=row.base_url,
        has_key=row.sealed_key is not None,
        allow_private=row.allow_private,
        has_ca_certificates=row.ca_certificates is not None,
        connect_timeout_seconds=row.connect_timeout_seconds,
        first_byte_timeout_seconds=row.first_byte_timeout_seconds,
        max_concurrent=row.max_concurrent,
        created_at=int(row.created_at.timestamp()),
    )


def route_answer(row: RouteRow, *, names: dict[UUID, str]) -> RouteAnswer:
    """`names` of served models and endpoints by id."""
    shadow = StoredShadow.model_validate(row.shadow) if row.shadow is not None else None
    return RouteAnswer(
        id=public_id("rte", row.id),
        name=row.name,
        project_id=public_id("proj", row.project_id) if row.project_id else None,
        task=row.task,
        max_model_len=row.max_model_len,
        tiers=[[target_answer(target, names) for target in tier] for tier in read_tiers(row.tiers)],
        sticky=row.sticky,
        balance=row.balance,
        shadow=ShadowAnswer(target=shadow.target.name(names), percent=shadow.percent) if shadow else None,
        retry_percent=row.retry_percent,
        created_at=int(row.created_at.timestamp()),
    )


def target_answer(target: StoredTarget, names: dict[UUID, str]) -> TargetAnswer:
    return TargetAnswer(target=target.name(names), weight=target.weight)
