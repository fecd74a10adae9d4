"""Served models and replicas on the wire."""

from dataclasses import asdict
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from appliance.base.ids import public_id
from control_plane.catalogue.schemas import AdviceAnswer
from control_plane.placements.domain import PlacementState, Seat
from control_plane.placements.tables import Placement
from control_plane.placements.wanted import PlacementRules
from control_plane.served_models.service import MOST_REPLICAS, Autoscaling, autoscaling_of
from control_plane.served_models.tables import (
    DesiredState,
    ManagedBy,
    ObservedState,
    Replica,
    ReplicaState,
    ServedModel,
)

NAME = r"^[A-Za-z0-9][A-Za-z0-9._:/-]*$"


class ServedModelRequest(BaseModel):
    """`model` is a catalogue or import name, `version_id` one version of it; both left out, `name` is the model."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=NAME, max_length=120, description="The public name that clients send as `model`.")
    model: str | None = Field(None, max_length=80)
    version_id: str | None = Field(None, max_length=80)
    desired_replicas: int = Field(1, ge=0, le=MOST_REPLICAS)
    max_model_len: int | None = Field(None, ge=16, le=10_000_000, description="Tokens of prompt and answer together.")
    engine_pack: str | None = Field(
        None,
        max_length=80,
        description="When left out: the version's own where it can run here, else an installed one that can.",
    )
    placement: PlacementRules = PlacementRules()
    managed_by: ManagedBy = ManagedBy.CONSOLE

    @model_validator(mode="after")
    def names_one_source(self) -> Self:
        if self.model is not None and self.version_id is not None:
            raise ValueError("give `model` or `version_id`, not both")
        return self


class AutoscalingFields(BaseModel):
    """`min_replicas` 0 lets it sleep after `idle_seconds` without a request; a request then waits and wakes it."""

    model_config = ConfigDict(extra="forbid")

    min_replicas: int = Field(1, ge=0, le=MOST_REPLICAS)
    max_replicas: int = Field(ge=1, le=MOST_REPLICAS)
    target_per_replica: int = Field(16, ge=1, le=100_000, description="Requests at once that a replica is to have.")
    idle_seconds: int = Field(600, ge=1, le=7 * 24 * 3600)

    @model_validator(mode="after")
    def in_order(self) -> Self:
        if self.min_replicas > self.max_replicas:
            raise ValueError("`min_replicas` is above `max_replicas`")
        return self

    @property
    def wanted(self) -> Autoscaling:
        return Autoscaling(**self.model_dump())


class ServedModelPatch(BaseModel):
    model_config = ConfigDict(extra="forbid")

    desired_replicas: int | None = Field(
        None, ge=0, le=MOST_REPLICAS, description="0 stops it and keeps it listed; ends autoscaling with `fixed`."
    )
    autoscaling: AutoscalingFields | None = Field(None, description="Let the load decide between two bounds.")
    fixed: bool = Field(False, description="End autoscaling; the number stays, or becomes `desired_replicas`.")
    managed_by: ManagedBy | None = Field(None, description="Who asks; only helm may change what helm manages.")

    @model_validator(mode="after")
    def says_what(self) -> Self:
        if self.autoscaling is not None and (self.fixed or self.desired_replicas is not None):
            raise ValueError("give `autoscaling` alone")
        if self.autoscaling is None and not self.fixed and self.desired_replicas is None:
            raise ValueError("give `desired_replicas`, `autoscaling` or `fixed`")
        return self


class ReplicaAnswer(BaseModel):
    object: Literal["replica"] = "replica"
    id: str
    served_model_id: str
    version_id: str
    node_id: str
    endpoint: str
    state: ReplicaState
    engine_pid: int
    started_at: int
    last_seen_at: int


class PlacementAnswer(BaseModel):
    """What a replica was given. `cards` are the vendor's indices, on each of the `nodes` in turn; `memory_bytes` is
    what it takes of each card, or of main memory where it runs on the processor. `nodes` is empty where the cluster
    itself chooses.
    """

    object: Literal["placement"] = "placement"
    id: str
    state: PlacementState
    state_reason: str | None
    engine_pack: str
    family: str
    tensor_parallel_size: int
    pipeline_parallel_size: int
    nodes: list[str]
    cards: list[int]
    cores: list[int]
    memory_bytes: int
    evidence: str


class ServedModelAnswer(BaseModel):
    """`desired_*` is what was decided, `observed_*` what was last seen, at `observed_at` (Unix seconds)."""

    object: Literal["served_model"] = "served_model"
    id: str
    name: str
    version_id: str
    task: str
    managed_by: ManagedBy
    max_model_len: int
    engine_pack: str | None
    placement: PlacementRules
    desired_state: DesiredState
    desired_replicas: int
    autoscaling: AutoscalingFields | None
    observed_state: ObservedState
    observed_reason: str | None
    observed_replicas: int
    observed_at: int | None
    created_at: int
    replicas: list[ReplicaAnswer]
    placements: list[PlacementAnswer]


class DeployAnswer(ServedModelAnswer):
    """`warnings` are those of the catalogue entry that the version is named after, where there is one."""

    warnings: list[AdviceAnswer]


def replica_answer(replica: Replica) -> ReplicaAnswer:
    return ReplicaAnswer(
        id=replica.replica_id,
        served_model_id=public_id("srv", replica.served_model_id),
        version_id=replica.version_id,
        node_id=replica.node_id,
        endpoint=replica.endpoint,
        state=replica.state,
        engine_pid=replica.engine_pid,
        started_at=int(replica.started_at.timestamp()),
        last_seen_at=int(replica.last_seen_at.timestamp()),
    )


def placement_answer(placement: Placement) -> PlacementAnswer:
    seat = Seat.model_validate(placement.seat)
    return PlacementAnswer(
        id=public_id("plc", placement.id),
        state=placement.state,
        state_reason=placement.state_reason,
        engine_pack=seat.layout.pack,
        family=seat.layout.family,
        tensor_parallel_size=seat.layout.tensor_parallel_size,
        pipeline_parallel_size=seat.layout.pipeline_parallel_size,
        nodes=[part.node_id for part in seat.parts],
        cards=[card for part in seat.parts for card in part.cards],
        cores=[core for part in seat.parts for core in part.cores],
        memory_bytes=seat.layout.bytes_per_card,
        evidence=seat.layout.evidence,
    )


def served_model_answer(
    served: ServedModel, *, replicas: list[Replica], placements: list[Placement]
) -> ServedModelAnswer:
    return ServedModelAnswer(
        id=public_id("srv", served.id),
        name=served.name,
        version_id=public_id("ver", served.version_id),
        task=served.task,
        managed_by=served.managed_by,
        max_model_len=served.max_model_len,
        engine_pack=served.engine_pack,
        placement=PlacementRules.model_validate(served.placement_rules),
        desired_state=served.desired_state,
        desired_replicas=served.desired_replicas,
        autoscaling=AutoscalingFields(**asdict(scaling)) if (scaling := autoscaling_of(served)) else None,
        observed_state=served.observed_state,
        observed_reason=served.observed_reason,
        observed_replicas=served.observed_replicas,
        observed_at=int(served.observed_at.timestamp()) if served.observed_at else None,
        created_at=int(served.created_at.timestamp()),
        replicas=[replica_answer(replica) for replica in replicas],
        placements=[placement_answer(placement) for placement in placements],
    )
