"""Whether each entry of the catalogue would find a place on the nodes as they are: `GET /api/v1/catalogue?fits=true`.

Two things are kept in the process, each until what it depends on changes: fit's sums for an entry (`offers`: the
kinds of card, the packs, the nodes' sizes), and the planner's answers (the entries, the nodes, what is held on them).
Entries that ask the same of a node are planned once.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.orm import Session

from appliance.base import clock
from appliance.placement.choice import Ground, ground_of
from appliance.placement.layouts import CPU
from appliance.placement.nodes import Claim, NodeView
from appliance.placement.offers import Form, Offer, Verdicts, offer_of, place_of
from appliance.placement.plans import Missing
from appliance.placement.sentences import one_line
from appliance.placement.what_fits import Answer, Judge, Verdict
from control_plane.catalogue.schemas import FitsAnswer, FitsVerdict
from control_plane.catalogue.shelf import Listing
from control_plane.nodes.repository import all_nodes
from control_plane.placements.domain import Held
from control_plane.placements.fleet import node_view
from control_plane.placements.repository import all_placements
from control_plane.placements.service import rows_of

ALWAYS = datetime.min.replace(tzinfo=UTC)

VERDICTS = {Answer.NOW: FitsVerdict.NOW, Answer.IF_EMPTY: FitsVerdict.IF_EMPTY, Answer.NEVER: FitsVerdict.NEVER}


@dataclass(frozen=True)
class Now:
    """The nodes, and what replicas hold on them."""

    nodes: Sequence[NodeView]
    claims: Sequence[Claim]


class FitsHere:
    """One of a process; calls from several threads wait for each other, and then find the answer."""

    def __init__(self, *, kv_cache_bytes: int) -> None:
        self.kv_cache_bytes = kv_cache_bytes
        self.lock = threading.Lock()
        self.ground: Ground | None = None
        self.offers: dict[tuple[str, str], Offer] = {}
        self.listing: Listing | None = None
        self.now: Now | None = None
        self.answers: Mapping[str, FitsAnswer] = {}

    def __call__(self, session: Session, listing: Listing) -> Mapping[str, FitsAnswer]:
        return self.of(listing, read_now(session))

    def of(self, listing: Listing, now: Now) -> Mapping[str, FitsAnswer]:
        with self.lock:
            if listing is not self.listing or now != self.now:
                self.answers = answers_of(self.renewed_offers(listing, now.nodes), now)
                self.listing, self.now = listing, now
            return self.answers

    def renewed_offers(self, listing: Listing, nodes: Sequence[NodeView]) -> dict[str, Offer]:
        ground = ground_of(nodes)
        if ground != self.ground:
            self.ground, self.offers = ground, {}
        known = self.offers
        self.offers = {
            (shown.name, shown.digest): known.get((shown.name, shown.digest))
            or offer_of(shown.entry, ground, kv_cache_bytes=self.kv_cache_bytes)
            for shown in listing.shown.values()
        }
        return {name: offer for (name, _), offer in self.offers.items()}


def read_now(session: Session) -> Now:
    """A node counts as unreachable by its last heartbeat alone: this is for a page, nothing is moved by it."""
    moment = clock.now()
    nodes = [node_view(node, now=moment, heard_since=ALWAYS) for node in all_nodes(session)]
    rows = rows_of(all_placements(session))
    held = (Held(row.key, str(row.served_model_id), row.state, row.seat) for row in rows)
    return Now(nodes, [claim for one in held for claim in one.assignment(0).claims()])


def answers_of(offers: Mapping[str, Offer], now: Now) -> dict[str, FitsAnswer]:
    """Each entry alone, one replica of it, beside what runs."""
    if not now.nodes:
        nowhere = FitsAnswer(verdict=FitsVerdict.NEVER, reason="There are no nodes.")
        return dict.fromkeys(offers, nowhere)
    verdicts = Verdicts(Judge(now.nodes, now.claims))
    return {name: answer_of(offer, verdicts) for name, offer in offers.items()}


def answer_of(offer: Offer, verdicts: Verdicts) -> FitsAnswer:
    if not offer.forms:
        return FitsAnswer(verdict=FitsVerdict.NEVER, reason=offer.obstacle)
    form, verdict = place_of(offer, verdicts)
    if verdict.answer is Answer.NEVER:
        return FitsAnswer(verdict=FitsVerdict.NEVER, reason=reason_of(verdict.missing))
    return placed(form, verdict)


def placed(form: Form, verdict: Verdict) -> FitsAnswer:
    layout = verdict.assignments[0].layout
    return FitsAnswer(
        verdict=VERDICTS[verdict.answer],
        variant=form.variant,
        pack=layout.pack,
        product=layout.product,
        cards=0 if layout.family == CPU else layout.cards,
        evidence=layout.evidence,
        reason=reason_of(verdict.missing),
    )


def reason_of(missing: Missing | None) -> str | None:
    """Without the sentence that one of one replicas found no place."""
    return one_line(missing).partition(". ")[2] if missing else None
