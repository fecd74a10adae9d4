"""Card seats: leases that a placement takes before it starts, renews while it runs, and gives back.

All who want seats of one licence stand in line at its row, so they are counted over all nodes and none is given twice.
A holder that falls silent loses its seats to others; what it runs is not touched, but it cannot renew what it lost.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from appliance.licences.portfolio import Verdict
from control_plane.licences import repository
from control_plane.licences.here import Here
from control_plane.licences.service import find, portfolio
from control_plane.licences.tables import AppliedLicence, CardSeat

LEASE_SECONDS = 60.0
"""Renewed every 15 s by who runs the placements, it outlives three that are missed."""


@dataclass(frozen=True, order=True)
class Card:
    """`node_id` public; a processor that runs a model counts as one card."""

    node_id: str
    key: str


@dataclass(frozen=True)
class SeatLease:
    """`fence`: with an older one nothing can be renewed or given back."""

    licence_key: UUID
    holder: str
    fence: int
    cards: tuple[Card, ...]


@dataclass(frozen=True)
class Admission:
    """`lease` None: nothing new is loaded, for this reason."""

    lease: SeatLease | None
    verdict: Verdict

    @property
    def may_load(self) -> bool:
        return self.lease is not None


@dataclass(frozen=True)
class SeatWish:
    """Who wants to load which artifact on which cards. `family` None where it is not known."""

    artifact_digest: str
    holder: str
    cards: tuple[Card, ...]
    family: str | None = None
    lease_seconds: float = LEASE_SECONDS


def admit(session: Session, wish: SeatWish, here: Here, *, now: datetime) -> Admission:
    """Verdict and seats in one: of all licences that cover the artifact, the first with room."""
    holdings = portfolio(session, here)
    answer = holdings.may_load(wish.artifact_digest, at=now, cards_in_use=0, cards=0, family=wish.family)
    for standing in holdings.candidates(wish.artifact_digest, at=now, family=wish.family):
        row = find(session, standing.licence.id)
        taken = take(session, row.id, wish)
        if isinstance(taken, SeatLease):
            return Admission(taken, Verdict(True, standing.sentence, standing.state, standing.licence))
        answer = Verdict(False, taken, standing.state, standing.licence)
    return Admission(None, answer)


def take(session: Session, licence_key: UUID, wish: SeatWish) -> SeatLease | str:
    """Seats for all of the wish's cards, in place of those the holder had; or why there are none."""
    licence = repository.locked_licence(session, licence_key)
    if licence is None:
        return "The licence is gone."
    others = [seat for seat in repository.live_seats(session, licence_key) if seat.holder != wish.holder]
    reason = obstacle(licence, others, wish.cards)
    if reason is not None:
        return reason
    licence.fence += 1
    repository.put_seats(
        session,
        licence_key,
        holder=wish.holder,
        fence=licence.fence,
        cards={(card.node_id, card.key) for card in wish.cards},
        lease_seconds=wish.lease_seconds,
    )
    session.flush()
    return SeatLease(licence_key, wish.holder, licence.fence, tuple(sorted(set(wish.cards))))


def obstacle(licence: AppliedLicence, others: Collection[CardSeat], wanted: Sequence[Card]) -> str | None:
    """A card that somebody else uses already under this licence is counted once."""
    used = cards_of(others)
    after = used | set(wanted)
    if len(after) > licence.max_cards:
        more = len(after) - len(used)
        return f"The licence allows {licence.max_cards} cards; {len(used)} are in use and {more} more are wanted."
    nodes = {card.node_id for card in after}
    if len(nodes) > licence.max_nodes:
        return f"The licence allows {licence.max_nodes} nodes; this would be {len(nodes)}."
    return None


def renew(session: Session, lease: SeatLease, *, lease_seconds: float = LEASE_SECONDS) -> bool:
    """False: the lease ran out or a newer one is there. Stop nothing; ask `admit` again."""
    extended = repository.extend_seats(
        session, lease.licence_key, holder=lease.holder, fence=lease.fence, lease_seconds=lease_seconds
    )
    return extended == len(lease.cards)


def release(session: Session, lease: SeatLease) -> bool:
    return repository.remove_seats(session, lease.licence_key, holder=lease.holder, fence=lease.fence) > 0


def held_by(session: Session, holder: str) -> list[SeatLease]:
    """The leases of a placement, for a reconciler that has started anew."""
    by_lease: dict[tuple[UUID, int], list[Card]] = {}
    for seat in repository.seats_of(session, holder):
        by_lease.setdefault((seat.applied_licence_id, seat.fence), []).append(Card(seat.node_id, seat.card_key))
    return [SeatLease(key, holder, fence, tuple(sorted(cards))) for (key, fence), cards in by_lease.items()]


def in_use(session: Session, licence_key: UUID) -> set[Card]:
    return cards_of(repository.live_seats(session, licence_key))


def sweep(session: Session) -> int:
    """Forget what nobody renewed; how many seats."""
    return repository.sweep_seats(session)


def cards_of(seats: Collection[CardSeat]) -> set[Card]:
    return {Card(seat.node_id, seat.card_key) for seat in seats}
