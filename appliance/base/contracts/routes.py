"""Where a public name leads: ordered tiers of weighted targets, as the snapshot tells the gateways.

A tier is tried only when no target of the tiers before it gave a first byte. Inside a tier the weights share the
traffic: a canary is a small weight, an A/B test is weights with `sticky`. A weight of 0 gets nothing. A route's public
name stands in `Snapshot.models` too, so that keys, lists and limits treat it like any model; a model without a route of
its name leads to itself.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Sticky = Literal["none", "key", "session"]
Balance = Literal["least_load", "prefix", "round_robin"]
EndpointKind = Literal["openai", "anthropic"]

SESSION_HEADER = "x-session-id"


class Fact(BaseModel):
    model_config = ConfigDict(frozen=True, protected_namespaces=())


class Target(Fact):
    """`model` is the name that the engine or the endpoint is asked for: a served model's, its LoRA adapter's, or the
    endpoint's own. A served target has `served_model_id`, an external one `endpoint_id`.
    """

    target_id: str
    kind: Literal["served_model", "external"]
    model: str
    weight: int = Field(default=1, ge=0)
    served_model_id: str | None = None
    endpoint_id: str | None = None


class Shadow(Fact):
    """A copy of `percent` of the requests goes to `target`; its answers are thrown away."""

    target: Target
    percent: float = Field(ge=0, le=100)


class Route(Fact):
    """`balance` is how replicas of one target are chosen. `sticky` by `session`: the header `x-session-id`, else the
    body's `user`, else the key. `retry_percent` of the requests may be tried again, besides a small floor.
    """

    name: str
    route_id: str
    tiers: tuple[tuple[Target, ...], ...]
    sticky: Sticky = "none"
    balance: Balance = "least_load"
    shadow: Shadow | None = None
    retry_percent: float = Field(default=20.0, ge=0, le=100)


class ExternalEndpoint(Fact):
    """An OpenAI-compatible or Anthropic server elsewhere. `base_url` ends before `/chat/completions` (`/v1` included).

    `sealed_key` is opened with the box's key-encryption key (`appliance.base.sealing`). `allow_private`: an admin
    allowed this host though it is private or without TLS. `ca_certificates`: PEM of a company's own authority.
    """

    endpoint_id: str
    name: str
    kind: EndpointKind = "openai"
    base_url: str
    sealed_key: str | None = None
    allow_private: bool = False
    ca_certificates: str | None = None
    connect_timeout_seconds: float = 5.0
    first_byte_timeout_seconds: float = 120.0
    max_concurrent: int = 64


def sealing_context(endpoint_id: str) -> str:
    """What the sealed key of an endpoint is bound to: moved to another endpoint's row it opens no more."""
    return f"external endpoint {endpoint_id}"


def own_route(name: str, *, served_model_id: str) -> Route:
    """A served model's own name leads to itself; without an id, as such a route is none that an admin made."""
    own = Target(target_id=served_model_id, kind="served_model", model=name, served_model_id=served_model_id)
    return Route(name=name, route_id="", tiers=((own,),))
