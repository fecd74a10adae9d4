"""Rows that others published or we measured: `validated.yaml`. They win over the sum, and a disagreement is said."""

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field, TypeAdapter, ValidationError

from model_catalog.catalogue import load_catalogue, read_yaml, wrong
from model_catalog.fit.cards import find_card
from model_catalog.fit.estimate import Ask, FitReport, Subject, estimate, smallest_layout
from model_catalog.fit.known_models import find_model
from model_catalog.fit.kv_cache import FP8_BYTES
from model_catalog.fit.layout import layouts_of
from model_catalog.fit.overheads import find_overheads
from model_catalog.schema import Strict

VALIDATED_FILE = Path(__file__).with_name("validated.yaml")

Says = Literal["fits", "does not fit", "smallest"]


class ValidatedRow(Strict):
    """`smallest`: with fewer of these cards it does not fit. `cache`: in the model's precision or in fp8. `differs`
    says why our sum says otherwise.
    """

    model: str
    card: str
    cards: int = Field(ge=1)
    quantization: str
    context: int = Field(ge=1)
    concurrency: int = 1
    says: Says
    evidence: Literal["measured", "vendor documentation", "computed"]
    source: str = Field(min_length=1)
    pack: str
    cache: Literal["model", "fp8"] = "model"
    utilization: float | None = None
    differs: str | None = None

    @property
    def fits(self) -> bool:
        return self.says != "does not fit"


@dataclass(frozen=True)
class Comparison:
    """`ours`: what the sum says in the row's own terms; `cards`: the smallest number, where the row asks for it."""

    row: ValidatedRow
    subject: Subject
    ask: Ask
    fits: bool
    cards: int | None
    missing_bytes: int

    @property
    def agrees(self) -> bool:
        if self.row.says == "smallest":
            return self.cards == self.row.cards
        return self.fits == self.row.fits


ROWS: TypeAdapter[tuple[ValidatedRow, ...]] = TypeAdapter(tuple[ValidatedRow, ...])


@cache
def load_rows(path: Path = VALIDATED_FILE) -> tuple[ValidatedRow, ...]:
    """Raises SetupError that names the file and the field."""
    try:
        return ROWS.validate_python(read_yaml(path))
    except ValidationError as error:
        raise wrong(path, str(error.errors()[0])) from error


def subject_of(row: ValidatedRow) -> tuple[Subject, Ask]:
    model, card = find_model(row.model), find_card(row.card)
    weights = model.weights(row.quantization)
    subject = Subject(model.name, model.shape, weights, card, find_overheads(row.pack))
    nodes = -(-row.cards // card.per_node)
    ask = Ask(row.context, row.concurrency, utilization=row.utilization, nodes=nodes)
    return subject, replace(ask, cache_element_bytes=FP8_BYTES) if row.cache == "fp8" else ask


def compare(row: ValidatedRow) -> Comparison:
    """The row beside our sum on the same cards; for `smallest`, beside our own smallest number."""
    subject, ask = subject_of(row)
    reports = [estimate(subject, ask, layout) for layout in layouts_of(subject.shape, subject.card, row.cards)]
    best = min(reports, key=lambda report: report.missing_bytes, default=None)
    found = smallest_layout(subject, ask) if row.says == "smallest" else None
    return Comparison(
        row=row,
        subject=subject,
        ask=ask,
        fits=best is not None and best.fits,
        cards=found.cards if found is not None else None,
        missing_bytes=best.missing_bytes if best is not None else 0,
    )


def row_for(report: FitReport) -> ValidatedRow | None:
    """The first row that decides this question, whatever engine it was made with; None where none does."""
    name = validated_name(report.subject.name)
    return next((row for row in load_rows() if row.model == name and decides(row, report)), None)


def validated_name(name: str) -> str:
    """The name that rows have: a catalogue entry may say that another model of its shape speaks for it."""
    entry = load_catalogue().get(name)
    return entry.validated_as if entry is not None and entry.validated_as is not None else name


def decides(row: ValidatedRow, report: FitReport) -> bool:
    """It fitted with no more cards, claim and no less context; or it did not fit with no less and no more."""
    subject, ask = report.subject, report.ask
    if (row.card, row.quantization) != (subject.card.name, subject.weights.name):
        return False
    share = subject.overheads.utilization.value if ask.utilization is None else ask.utilization
    claim = row.utilization or share
    small = ask.cache_element_bytes == FP8_BYTES
    if row.fits:
        enough = row.context >= ask.context and row.concurrency >= ask.concurrency
        return enough and report.layout.cards >= row.cards and share >= claim and (small or row.cache == "model")
    more = ask.context >= row.context and ask.concurrency >= row.concurrency
    return more and report.layout.cards <= row.cards and share <= claim and (not small or row.cache == "fp8")


def disagreement(report: FitReport, row: ValidatedRow) -> str | None:
    """A sentence where the sum and the row differ; the row wins."""
    if report.fits == row.fits:
        return None
    ours = "fits" if report.fits else "does not fit"
    why = f" Why: {row.differs}" if row.differs else ""
    return f"By the sum it {ours}; the row ({row.evidence}, {row.pack}: {row.source}) says otherwise and wins.{why}"
