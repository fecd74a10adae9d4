"""The check of the bundled model: which share of greedy answers to held-out wordings contains the key fact.

Pure: `ask` is whatever turns a question into an answer (an engine, the gateway, a model in this process, a fake).
`python -m appliance.training.bundled.check` runs it and prints the figure.
"""

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from model_catalog.bundled.questions import Question, Wording

Ask = Callable[[str], str]
NEEDED_SHARE = 0.8
LONGEST_ANSWER_FACTOR = 2
"""An answer longer than this many times the expected one is babble, even where the fact is in it."""


@dataclass(frozen=True)
class Answered:
    wording: Wording
    answer: str
    right: bool


@dataclass(frozen=True)
class Score:
    answered: tuple[Answered, ...]

    @property
    def share(self) -> float:
        """Right answers divided by all, 0 to 1."""
        return sum(one.right for one in self.answered) / max(1, len(self.answered))

    @property
    def wrong(self) -> tuple[Answered, ...]:
        return tuple(one for one in self.answered if not one.right)


def is_right(question: Question, answer: str) -> bool:
    """Contains one of the key facts, case ignored, and is not far longer than the expected answer."""
    if len(answer) > LONGEST_ANSWER_FACTOR * len(question.answer) + 40:
        return False
    return any(fact.lower() in answer.lower() for fact in question.key_facts)


def score(wordings: Iterable[Wording], *, ask: Ask) -> Score:
    """Ask each wording by itself and judge the answer."""
    return Score(tuple(_answered(wording, ask(wording.text)) for wording in wordings))


def sample(wordings: Sequence[Wording], *, size: int, seed: int = 0) -> list[Wording]:
    """The same `size` wordings for the same seed; all of them where there are fewer."""
    return random.Random(seed).sample(list(wordings), min(size, len(wordings)))  # noqa: S311  not a secret


def _answered(wording: Wording, answer: str) -> Answered:
    return Answered(wording, answer, is_right(wording.question, answer))
