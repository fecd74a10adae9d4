"""Seats of sealed models: a replica is placed only with seats of a licence, and keeps them while it is there.

What runs is never stopped by a licence: seats that were lost are asked for again, and that is all.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from appliance.base.ids import public_id
from appliance.base.logs import get_logger
from appliance.placement.layouts import CPU
from control_plane.licences import seats
from control_plane.licences.here import IN_A_CLUSTER, Here
from control_plane.licences.seats import Card, SeatWish
from control_plane.placements.service import Outcome, Row
from control_plane.placements.wanted import Order
from control_plane.reconcilers.serve_load import PLACEMENT

log = get_logger(__name__)


def with_seats(
    session: Session, outcome: Outcome, *, orders: Mapping[UUID, Order], here: Here, now: datetime
) -> Outcome:
    """The outcome less the new replicas that no licence has a seat for, whose models then say why."""
    wishes = {row.key: wish for row in outcome.rows if (wish := wish_of(row, orders)) is not None}
    refused: dict[UUID, str] = {}
    added: list[Row] = []
    for row in outcome.added:
        admission = seats.admit(session, wishes[row.key], here, now=now) if row.key in wishes else None
        if admission is None or admission.may_load:
            added.append(row)
        else:
            refused[row.served_model_id] = admission.verdict.reason
    new = {row.key for row in outcome.added}
    for key, wish in wishes.items():
        if key not in new:
            keep(session, wish, here, now=now)
    give_back(session, outcome.decision.removed)
    placed = {row.key for row in added}
    return replace(
        outcome,
        added=tuple(added),
        rows=tuple(row for row in outcome.rows if row.key not in new or row.key in placed),
        missing={**outcome.missing, **refused},
    )


def wish_of(row: Row, orders: Mapping[UUID, Order]) -> SeatWish | None:
    """None for open weights, and for a model that is no longer wanted."""
    order = orders.get(row.served_model_id)
    if order is None or order.sealed is None:
        return None
    return SeatWish(order.sealed, holder_of(row.key), cards_of(row), family=row.seat.layout.family)


def holder_of(key: UUID) -> str:
    return public_id(PLACEMENT, key)


def cards_of(row: Row) -> tuple[Card, ...]:
    """A processor counts as one card; where the cluster chooses the node, so does each replica."""
    if not row.seat.parts:
        return (Card(IN_A_CLUSTER, holder_of(row.key)),)
    if row.seat.layout.family == CPU:
        return tuple(Card(part.node_id, CPU) for part in row.seat.parts)
    return tuple(Card(part.node_id, key) for part in row.seat.parts for key in part.card_keys)


def keep(session: Session, wish: SeatWish, here: Here, *, now: datetime) -> None:
    leases = seats.held_by(session, wish.holder)
    if leases and all(seats.renew(session, lease) for lease in leases):
        return
    admission = seats.admit(session, wish, here, now=now)
    if not admission.may_load:
        log.warning("replica_runs_on_without_a_seat", placement=wish.holder, reason=admission.verdict.reason)


def give_back(session: Session, gone: Iterable[UUID]) -> None:
    for key in gone:
        for lease in seats.held_by(session, holder_of(key)):
            seats.release(session, lease)
