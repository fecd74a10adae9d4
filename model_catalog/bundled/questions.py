"""Questions about running the appliance, each in several wordings, and their split into training and held-out wordings.

The split is by wording: every question is trained, but about one wording in five is kept back, chosen by its hash. A
score on held-out wordings says whether the model understands a question in other words, not whether it knows facts that
it never saw.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from model_catalog.bundled import SAILS_GUIDE

QUESTIONS = SAILS_GUIDE / "questions"
WORDINGS_PER_HELD_OUT = 5
NEAR = 0.9
"""Two wordings of one question whose normalised texts are at least this alike (difflib's ratio) count as one."""


class Question(BaseModel):
    """One fact. `key_facts` are alternatives: an answer is right when it contains one of them, case ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    answer: str = Field(min_length=2, max_length=220)
    key_facts: list[str] = Field(min_length=1)
    wordings: list[str] = Field(min_length=8)


@dataclass(frozen=True)
class Wording:
    """One way to put a question."""

    text: str
    question: Question


@dataclass(frozen=True)
class Split:
    training: tuple[Wording, ...]
    held_out: tuple[Wording, ...]


_FILE = TypeAdapter(list[Question])


@lru_cache
def load_questions(folder: Path = QUESTIONS) -> tuple[Question, ...]:
    """Every question of every topic file, files in name order; raises pydantic's ValidationError on a bad one."""
    return tuple(
        question
        for path in sorted(folder.glob("*.yaml"))
        for question in _FILE.validate_python(yaml.safe_load(path.read_text()))
    )


def split_questions(questions: Iterable[Question]) -> Split:
    """Keep about one wording in five back; the first wording of a question is always trained."""
    training: list[Wording] = []
    held_out: list[Wording] = []
    for question in questions:
        kept_back = _kept_back(question)
        for text in question.wordings:
            (held_out if text in kept_back else training).append(Wording(text, question))
    return Split(tuple(training), tuple(held_out))


def overlaps(split: Split) -> list[tuple[str, str]]:
    """Pairs (training, held-out) that are the same wording: equal anywhere, or near within one question."""
    held_out = {normalise(wording.text): wording for wording in split.held_out}
    found = [(w.text, held_out[key].text) for w in split.training if (key := normalise(w.text)) in held_out]
    by_question: dict[str, list[str]] = {}
    for wording in split.held_out:
        by_question.setdefault(wording.question.id, []).append(wording.text)
    found += [
        (wording.text, other)
        for wording in split.training
        for other in by_question.get(wording.question.id, ())
        if is_near(wording.text, other)
    ]
    return found


def normalise(text: str) -> str:
    """Lower case, letters and digits only: what is left when nobody cares about punctuation."""
    return re.sub(r"[^a-z0-9]+", " ", text.lower()).strip()


def is_near(one: str, other: str) -> bool:
    """The first two ratios are cheap upper bounds of the third."""
    alike = SequenceMatcher(None, normalise(one), normalise(other), autojunk=False)
    return alike.real_quick_ratio() >= NEAR and alike.quick_ratio() >= NEAR and alike.ratio() >= NEAR


def _kept_back(question: Question) -> frozenset[str]:
    candidates = [text for text in question.wordings[1:] if not _has_twin(text, question.wordings)]
    count = max(1, round(len(question.wordings) / WORDINGS_PER_HELD_OUT))
    return frozenset(sorted(candidates, key=lambda text: _rank(question, text))[:count])


def _has_twin(text: str, wordings: Sequence[str]) -> bool:
    return any(is_near(text, other) for other in wordings if other != text)


def _rank(question: Question, text: str) -> str:
    return hashlib.sha256(f"{question.id}\n{normalise(text)}".encode()).hexdigest()
