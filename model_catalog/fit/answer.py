"""What a person or a program is told: the sum, the verdict with its reason, and what else the cards would hold."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from appliance.base.errors import BadRequest
from model_catalog.fit.cards import load_cards
from model_catalog.fit.estimate import (
    Ask,
    FitReport,
    Subject,
    concurrency,
    estimate,
    longest_context,
    smallest_layout,
    with_change,
)
from model_catalog.fit.known_models import KnownModel
from model_catalog.fit.layout import Layout, layouts, layouts_of
from model_catalog.fit.overheads import find_overheads
from model_catalog.fit.validated import ValidatedRow, disagreement, row_for
from model_catalog.fit.weights import Weights

USUAL_CONTEXT = 32768


@dataclass(frozen=True)
class Answer:
    """`fits` is the row's word where a row decides, else the sum's. `longest` and `most` go by the sum."""

    report: FitReport
    longest: int
    most: int
    row: ValidatedRow | None
    disagreement: str | None

    @property
    def fits(self) -> bool:
        return self.report.fits if self.row is None else self.row.fits

    def document(self) -> dict[str, object]:
        """For JSON; all sizes in bytes, per card."""
        report, subject = self.report, self.report.subject
        return {
            "model": subject.name,
            "variant": subject.weights.name,
            "card": subject.card.name,
            "pack": subject.overheads.pack,
            "engine": subject.weights.engine,
            "context": report.ask.context,
            "concurrency": report.ask.concurrency,
            "cards": report.layout.cards,
            "tensor_parallel_size": report.layout.tensor,
            "pipeline_parallel_size": report.layout.pipeline,
            "items": [
                {"label": item.label, "bytes": item.size_bytes, "formula": item.formula, "source": item.source}
                for item in report.items
            ],
            "needed_bytes": report.needed_bytes,
            "claim_bytes": report.claim_bytes,
            "missing_bytes": report.missing_bytes,
            "fits": self.fits,
            "decided_by": "validated row" if self.row is not None else "sum",
            "validated": self.row.model_dump(mode="json") if self.row is not None else None,
            "disagreement": self.disagreement,
            "change": report.change,
            "longest_context": self.longest,
            "most_concurrency": self.most,
            "notes": list(report.notes),
        }


def usual_ask(model: KnownModel) -> Ask:
    """What is asked when nothing is said: the model's context, but not more than 32,768 tokens, for one sequence."""
    return Ask(context=min(model.shape.context, USUAL_CONTEXT))


def answer(subject: Subject, ask: Ask, *, cards: int | None = None) -> Answer:
    """For `cards` cards, else for the smallest number that works, else for the most that this kind of card allows."""
    layout = layout_for(subject, ask, cards)
    report = with_change(estimate(subject, ask, layout))
    row = row_for(report)
    return Answer(
        report=report,
        longest=longest_context(subject, replace(ask, concurrency=1), layout),
        most=concurrency(subject, ask, layout),
        row=row,
        disagreement=disagreement(report, row) if row is not None else None,
    )


def layout_for(subject: Subject, ask: Ask, cards: int | None) -> Layout:
    """Raises BadRequest where the model cannot be divided over that many cards of this kind."""
    count = cards
    if count is None:
        found = smallest_layout(subject, ask)
        if found is not None:
            return found
        count = max(layout.cards for layout in layouts(subject.shape, subject.card, nodes=ask.nodes))
    choices = layouts_of(subject.shape, subject.card, count)
    if not choices:
        raise BadRequest(
            f"{subject.name} cannot be divided over {count} cards of {subject.card.name}.",
            hint=f"A node allows {', '.join(str(size) for size in subject.card.sizes)}.",
        )
    return min(choices, key=lambda layout: estimate(subject, ask, layout).missing_bytes)


def on_every_card(model: KnownModel, weights: Weights, ask: Ask) -> Iterator[Answer]:
    for card in load_cards().values():
        yield answer(Subject(model.name, model.shape, weights, card, find_overheads(card.pack)), ask)
