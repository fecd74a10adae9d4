"""What one turn of `serve` works on: the rows as plain values, and from a placement to the replica's spec."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from appliance.base import clock
from appliance.base.ids import public_id
from appliance.base.settings import Settings
from appliance.base.tasks import TASKS
from appliance.engines.chat import chat_flags
from appliance.engines.pack import load_pack
from appliance.placement.nodes import NodeView
from appliance.serving.spec import ReplicaSpec
from appliance.weights.store import WeightStore
from control_plane.nodes.repository import all_nodes
from control_plane.placements.domain import PlacementState
from control_plane.placements.fleet import node_view, selectors
from control_plane.placements.repository import all_placements
from control_plane.placements.service import CardSelectors, Outcome, Row, rows_of
from control_plane.placements.wanted import Order, PlacementRules
from control_plane.reconcilers.serve_plan import PlacedReplica, Wanted
from control_plane.served_models import repository
from control_plane.served_models.tables import DesiredState, ServedModel
from control_plane.versions.domain import EngineFacts
from control_plane.versions.service import facts_of
from control_plane.versions.tables import ModelVersion, VersionState

PLACEMENT = "plc"
"""Prefix of a placement's public id, which is the name of its application in the cluster."""

GIB = 1024**3


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """`orders` and `engines` by served model: those that are to have replicas. `nodes` None: the cluster places."""

    wanted: list[Wanted]
    orders: dict[UUID, Order]
    engines: dict[UUID, EngineFacts]
    versions: dict[UUID, UUID]
    rows: list[Row]
    nodes: list[NodeView] | None
    selectors: CardSelectors


def load(session: Session, settings: Settings, *, node_id: str, heard_since: datetime) -> Loaded:
    served = repository.with_versions(session)
    rows = rows_of(all_placements(session))
    live = {row.served_model_id for row in rows if row.state is not PlacementState.STOPPING}
    wanting = [(model, version) for model, version in served if has_replicas(model, version, runs=model.id in live)]
    here = frozenset(str(version.digest) for _, version in served if version.digest is not None)
    nodes = all_nodes(session)
    now = clock.now()
    views = [node_view(node, now=now, heard_since=heard_since) for node in nodes]
    return Loaded(
        wanted=[wanted_of(model, version) for model, version in served],
        orders={model.id: order_of(model, version, settings) for model, version in wanting},
        engines={model.id: facts_of(version) for model, version in served},
        versions={model.id: version.id for model, version in served},
        rows=rows,
        nodes=None if settings.cluster.adapter == "kubernetes" else [with_imports(v, here, node_id) for v in views],
        selectors=selectors(nodes),
    )


def with_imports(view: NodeView, digests: frozenset[str], node_id: str) -> NodeView:
    """An import puts a version on this node before its next heartbeat says so."""
    return replace(view, versions=view.versions | digests) if view.node_id == node_id else view


def has_replicas(served: ServedModel, version: ModelVersion, *, runs: bool) -> bool:
    """A version that turned out damaged is not started, but what runs of it is not stopped either."""
    if served.desired_state is DesiredState.REMOVED or served.desired_replicas == 0 or version.digest is None:
        return False
    if served.task not in TASKS:  # of a newer release
        return False
    return version.state is VersionState.READY or (version.state is VersionState.DAMAGED and runs)


def wanted_of(served: ServedModel, version: ModelVersion) -> Wanted:
    return Wanted(
        id=served.id,
        name=served.name,
        desired_state=served.desired_state,
        desired_replicas=served.desired_replicas,
        version_state=version.state,
        version_reason=version.state_reason,
        start_after=served.start_after_id,
    )


def order_of(served: ServedModel, version: ModelVersion, settings: Settings) -> Order:
    facts = facts_of(version)
    return Order(
        name=str(served.id),
        folder=WeightStore(settings.paths.weights).versions_folder / str(version.digest),
        digest=str(version.digest),
        model_name=version.model_name,
        size_bytes=version.total_bytes or 0,
        task=TASKS[served.task],
        pack=served.engine_pack,
        max_model_len=served.max_model_len,
        kv_cache_bytes=int(settings.engines.kv_cache_gib * GIB),
        replicas=served.desired_replicas,
        preferred_pack=facts.pack,
        quantization=facts.quantization,
        families=facts.accelerators,
        sealed=facts.sealed,
        rules=PlacementRules.model_validate(served.placement_rules),
    )


def with_replicas(loaded: Loaded, outcome: Outcome, *, settings: Settings, node_id: str) -> list[Wanted]:
    """Each model with the replicas that have places now. `node_id` stands for the node where the cluster chooses it."""
    replicas: dict[UUID, list[PlacedReplica]] = defaultdict(list)
    names = {each.id: each.name for each in loaded.wanted}
    for row in outcome.rows:
        model, application = row.served_model_id, public_id(PLACEMENT, row.key)
        runs = row.state is not PlacementState.STOPPING and model in loaded.orders
        spec = spec_of(row, loaded, name=names[model], settings=settings, node_id=node_id) if runs else None
        replicas[model].append(PlacedReplica(application, spec))
    remarks = remarks_of(outcome, loaded)
    return [
        replace(
            each,
            replicas=tuple(replicas[each.id]),
            missing=outcome.missing.get(each.id),
            remark=remarks.get(each.id),
        )
        for each in loaded.wanted
    ]


def spec_of(row: Row, loaded: Loaded, *, name: str, settings: Settings, node_id: str) -> ReplicaSpec:
    order, facts, seat = loaded.orders[row.served_model_id], loaded.engines[row.served_model_id], row.seat
    layout = seat.layout
    part = seat.parts[0] if seat.parts else None
    return ReplicaSpec(
        application=public_id(PLACEMENT, row.key),
        served_model_id=public_id("srv", row.served_model_id),
        version_id=public_id("ver", row.version_id),
        model_name=name,
        task=order.task,
        engine_pack=layout.pack,
        engine_version=load_pack(layout.pack).version,
        weights_path=order.folder,
        max_model_len=order.max_model_len,
        kv_cache_bytes=seat.kv_cache_bytes,
        tensor_parallel_size=layout.tensor_parallel_size,
        pipeline_parallel_size=layout.pipeline_parallel_size,
        cards=seat.cards,
        cores=part.cores if part else (),
        num_cpus=facts.num_cpus,
        engine_args=facts.args if layout.pack == facts.pack else (),
        chat=facts.chat,
        sealed=facts.sealed,
        home=settings.paths.root,
        node_id=part.node_id if part else node_id,
        is_pinned=part is not None,
    )


def remarks_of(outcome: Outcome, loaded: Loaded) -> dict[UUID, str]:
    """What its engine does not bring out of a model; of replicas that leave their place, where they are, and why."""
    found: dict[UUID, list[str]] = defaultdict(list)
    for model, sentence in (*lost_of(outcome, loaded), *leaving_of(outcome, loaded.nodes or ())):
        if sentence not in found[model]:
            found[model].append(sentence)
    return {model: " ".join(sentences) for model, sentences in found.items()}


def lost_of(outcome: Outcome, loaded: Loaded) -> Iterator[tuple[UUID, str]]:
    for row in outcome.rows:
        facts = loaded.engines.get(row.served_model_id)
        if row.state is PlacementState.STOPPING or facts is None or facts.chat is None:
            continue
        for _, sentence in chat_flags(load_pack(row.seat.layout.pack), facts.chat).lost:
            yield row.served_model_id, sentence


def leaving_of(outcome: Outcome, nodes: Sequence[NodeView]) -> Iterator[tuple[UUID, str]]:
    hostnames = {node.node_id: node.hostname for node in nodes}
    for row in outcome.rows:
        state, reason = outcome.decision.states.get(row.key, (row.state, None))
        if state is PlacementState.LEAVING:
            where = ", ".join(hostnames.get(part.node_id, part.node_id) for part in row.seat.parts)
            yield row.served_model_id, f"A replica stays on {where} until another answers: {reason}."
