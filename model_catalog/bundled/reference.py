"""What the reference implementation answers on the bundled model, and how an engine's answer is held against it.

Written by `python -m appliance.training.bundled.reference`. Engines round differently: where the two best tokens of the
reference are within `ROUNDING` of each other, either is right, and what follows the first difference is not compared.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from model_catalog.bundled import WEIGHTS

REFERENCE = WEIGHTS.parent / "reference.json"
ROUNDING = 0.25
"""In logits. 16-bit arithmetic moves those of the bundled model, which go up to about 30, by up to an eighth."""


@dataclass(frozen=True)
class ReferenceAnswer:
    """`ends[n]` is the length of the text after token n; `leads[n]` the lead of token n over the second best.

    One more lead than ends where the answer ended by itself: that of the end token.
    """

    question: str
    answer: str
    ends: tuple[int, ...]
    leads: tuple[float, ...]


@dataclass(frozen=True)
class Reference:
    most_tokens: int
    answers: tuple[ReferenceAnswer, ...]


@dataclass(frozen=True)
class Agreement:
    """`tokens` compared of one answer; `differs_by` is the lead at the first difference, None where there is none."""

    tokens: int
    differs_by: float | None

    @property
    def is_within_rounding(self) -> bool:
        return self.differs_by is None or self.differs_by < ROUNDING


def load_reference(path: Path = REFERENCE) -> Reference:
    read = json.loads(path.read_text())
    return Reference(
        most_tokens=read["most_tokens"],
        answers=tuple(
            ReferenceAnswer(one["question"], one["answer"], ends=tuple(one["ends"]), leads=tuple(one["leads"]))
            for one in read["answers"]
        ),
    )


def save_reference(reference: Reference, path: Path = REFERENCE) -> None:
    path.write_text(json.dumps(asdict(reference), ensure_ascii=False, indent=1) + "\n")


def agreement(said: str, *, reference: ReferenceAnswer) -> Agreement:
    """Compares text, so that it works for every engine: the first token whose text differs is where they part."""
    begin = 0
    for token, end in enumerate(reference.ends):
        if said[begin:end] != reference.answer[begin:end]:
            return Agreement(tokens=token, differs_by=reference.leads[token])
        begin = end
    if len(said) > begin and len(reference.leads) > len(reference.ends):
        return Agreement(tokens=len(reference.ends), differs_by=reference.leads[-1])
    return Agreement(tokens=len(reference.ends), differs_by=None)
