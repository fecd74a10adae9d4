"""Decide where the replicas of all served models go, and write it down."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

from sqlalchemy.orm import Session

from appliance.base.contracts.heartbeat import SelectorsReport
from appliance.base.ids import new_uuid
from appliance.engines.pack import load_pack
from appliance.placement.demands import Demand
from appliance.placement.layouts import CPU, Layout
from appliance.placement.nodes import NodeView
from appliance.placement.plans import Assignment
from appliance.placement.sentences import one_line
from control_plane.placements import repository
from control_plane.placements.domain import Decision, Held, PlacementState, Seat, decide, decide_unplaced
from control_plane.placements.fleet import joined
from control_plane.placements.tables import Placement
from control_plane.placements.wanted import Order, Stock, cache_of, demand_of, obstacle_to, unplaced_pack

CardSelectors = Mapping[str, Mapping[str, SelectorsReport]]
"""By node and by key of a card or a slice."""


@dataclass(frozen=True)
class Row:
    """A placement as the reconciler works with it, outside of a session."""

    key: UUID
    served_model_id: UUID
    version_id: UUID
    state: PlacementState
    seat: Seat


@dataclass(frozen=True, kw_only=True)
class Round:
    """All that one decision is made from. `orders`: by served model; `nodes` None where the cluster places itself.

    `known` and `ready`: the placements whose application the cluster shows, and those that answer.
    """

    orders: Mapping[UUID, Order]
    versions: Mapping[UUID, UUID]
    rows: Sequence[Row]
    nodes: Sequence[NodeView] | None
    selectors: CardSelectors
    known: Collection[UUID]
    ready: Collection[UUID]

    @cached_property
    def stock(self) -> Stock:
        return Stock(self.nodes or ())


@dataclass(frozen=True)
class Outcome:
    """`rows` are those that are there afterwards; `missing` says for a served model what stands in its way."""

    decision: Decision
    added: tuple[Row, ...]
    rows: tuple[Row, ...]
    missing: dict[UUID, str]


def rows_of(placements: Iterable[Placement]) -> list[Row]:
    return [
        Row(one.id, one.served_model_id, one.version_id, one.state, Seat.model_validate(one.seat)) for one in placements
    ]


def settle(now: Round) -> Outcome:
    """Pure but for reading config.json of the versions in the store."""
    held = [
        Held(row.key, str(row.served_model_id), row.state, row.seat, row.key in now.known, row.key in now.ready)
        for row in now.rows
    ]
    if now.nodes is None:
        decision = decide_unplaced([unplaced_demand(order) for order in now.orders.values()], held)
    else:
        demands = [demand_of(order, now.stock) for order in now.orders.values()]
        decision = decide(now.nodes, demands, held)
    added = tuple(new_row(now, assignment) for assignment in decision.added)
    kept = tuple(
        Row(row.key, row.served_model_id, row.version_id, decision.states[row.key][0], with_selectors(row.seat, now))
        for row in now.rows
        if row.key in decision.states
    )
    return Outcome(decision, added, (*kept, *added), missing_of(decision, now))


def missing_of(decision: Decision, now: Round) -> dict[UUID, str]:
    """What no node could ever run says so once, in the words of `fits here`; else what is in the way on each node."""
    found = {UUID(name): each for name, each in decision.missing.items()}
    return {key: obstacle_to(now.orders[key], now.stock) or one_line(each) for key, each in found.items()}


def unplaced_demand(order: Order) -> Demand:
    """In a cluster that places pods itself the pack alone is ours to say."""
    pack = unplaced_pack(order)
    family = load_pack(pack).accelerators[0]
    return Demand(order.name, (Layout(pack, family, 0, max_model_len=order.max_model_len),), replicas=order.replicas)


def new_row(now: Round, assignment: Assignment) -> Row:
    key = UUID(assignment.demand)
    seat = Seat(layout=assignment.layout, parts=assignment.parts)
    if assignment.layout.family == CPU:
        order = now.orders[key]
        size = cache_of(order, assignment.layout, now.stock) if now.nodes is not None else order.kv_cache_bytes
        seat = seat.model_copy(update={"kv_cache_bytes": size})
    return Row(new_uuid(), key, now.versions[key], PlacementState.PLACED, with_selectors(seat, now))


def with_selectors(seat: Seat, now: Round) -> Seat:
    """The variables as the nodes tell them now; a card that is not told of at present keeps what was known."""
    told = [now.selectors.get(part.node_id, {}).get(key) for part in seat.parts for key in part.card_keys]
    cards = [card for card in told if card is not None]
    return seat.model_copy(update={"cards": joined(cards)}) if told and len(cards) == len(told) else seat


def write(session: Session, outcome: Outcome) -> None:
    repository.remove(session, outcome.decision.removed)
    repository.write_states(session, outcome.decision.states)
    for row in outcome.added:
        repository.add(
            session, key=row.key, served_model_id=row.served_model_id, version_id=row.version_id, seat=row.seat
        )
