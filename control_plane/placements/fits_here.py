"""Whether each entry of the catalogue would find a place on the nodes as they are: `GET /api/v1/catalogue?fits=true`.

Two things are kept in the process, each until what it depends on changes: fit's sums for an entry (`offers`: the
kinds of card, the packs, the nodes' sizes), and the planner's answers (the entries, the nodes, what is held on them).
Entries that ask the same of a node are planned once.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy.orm import Session

from appliance.base import clock
from appliance.placement.demands import Demand
from appliance.placement.layouts import Layout
from appliance.placement.nodes import Claim, NodeView
from appliance.placement.plans import Missing
from appliance.placement.sentences import one_line
from appliance.placement.what_fits import Answer, Verdict, what_fits
from control_plane.catalogue.schemas import FitsAnswer, FitsVerdict
from control_plane.catalogue.shelf import Listing
from control_plane.nodes.repository import all_nodes
from control_plane.placements.domain import Held
from control_plane.placements.fleet import node_view
from control_plane.placements.offers import Form, Ground, Offer, ground_of, offer_of
from control_plane.placements.repository import all_placements
from control_plane.placements.service import rows_of

ALWAYS = datetime.min.replace(tzinfo=UTC)

VERDICTS = {Answer.NOW: FitsVerdict.NOW, Answer.IF_EMPTY: FitsVerdict.IF_EMPTY, Answer.NEVER: FitsVerdict.NEVER}

Ask = tuple[tuple[Layout, ...], int | None]
"""What a form asks of the planner; equal for many entries."""


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
        ground = ground_of(nodes, kv_cache_bytes=self.kv_cache_bytes)
        if ground != self.ground:
            self.ground, self.offers = ground, {}
        known = self.offers
        self.offers = {
            (shown.name, shown.digest): known.get((shown.name, shown.digest)) or offer_of(shown.entry, ground)
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
    asks = dict.fromkeys(ask_of(form) for offer in offers.values() for form in offer.forms)
    demands = [Demand(str(number), layouts, num_attention_heads=heads) for number, (layouts, heads) in enumerate(asks)]
    verdicts = dict(zip(asks, what_fits(now.nodes, demands=demands, claims=now.claims), strict=True))
    return {name: answer_of(offer, verdicts, has_nodes=bool(now.nodes)) for name, offer in offers.items()}


def ask_of(form: Form) -> Ask:
    """The length of texts is in the sum already; where it goes does not depend on it."""
    return tuple(replace(layout, max_model_len=0) for layout in form.layouts), form.attention_heads


def answer_of(offer: Offer, verdicts: Mapping[Ask, Verdict], *, has_nodes: bool) -> FitsAnswer:
    """By the first form that fits now, else the first that would if nothing ran, else why none ever does."""
    if not has_nodes:
        return FitsAnswer(verdict=FitsVerdict.NEVER, reason="There are no nodes.")
    if not offer.forms:
        return FitsAnswer(verdict=FitsVerdict.NEVER, reason=offer.obstacle)
    found = [(form, verdicts[ask_of(form)]) for form in offer.forms]
    for wanted in (Answer.NOW, Answer.IF_EMPTY):
        for form, verdict in found:
            if verdict.answer is wanted:
                return placed(form, verdict)
    return FitsAnswer(verdict=FitsVerdict.NEVER, reason=reason_of(found[-1][1].missing))


def placed(form: Form, verdict: Verdict) -> FitsAnswer:
    layout = verdict.assignments[0].layout
    return FitsAnswer(
        verdict=VERDICTS[verdict.answer],
        variant=form.variant,
        pack=layout.pack,
        product=layout.product,
        cards=layout.cards if layout.product else 0,
        evidence=layout.evidence,
        reason=reason_of(verdict.missing),
    )


def reason_of(missing: Missing | None) -> str | None:
    """Without the sentence that one of one replicas found no place."""
    return one_line(missing).partition(". ")[2] if missing else None
