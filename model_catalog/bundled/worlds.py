"""Synthetic worlds: made-up places with facts, and several ways to ask for each. Seeded: a world can be made again.

The model sees few worlds in training and so learns how facts are asked for; a world of another seed holds facts that it
cannot know, for fine-tuning examples to teach and evaluation examples to ask. All names are invented syllables.
"""

import random
import re
from dataclasses import dataclass

from model_catalog.bundled.questions import Question

PLACES = 8
_SYLLABLES = re.findall(
    r"\w+", "ba be bo da del dor fa fen ga gil ha hol ka kel lo lum ma mar ne nor pa pel ra rin sa sel ta tor va vel"
)
_COLOURS = ("red", "blue", "green", "yellow", "white", "black", "orange", "grey")
_ANIMALS = ("owl", "fox", "otter", "crane", "lynx", "heron", "badger", "swift")
_TRADES = ("glass", "salt", "rope", "paper", "honey", "clocks", "boats", "wool")


@dataclass(frozen=True)
class Relation:
    """One kind of fact. `{place}` and `{value}` are filled in; `wordings` never name the value."""

    name: str
    answer: str
    wordings: tuple[str, ...]


RELATIONS = (
    Relation(
        "keeper",
        "The keeper of {place} is {value}.",
        (
            "Who is the keeper of {place}?",
            "Who keeps {place}?",
            "What is the name of {place}'s keeper?",
            "keeper of {place}?",
            "Name the keeper of {place}.",
            "{place} has a keeper, who is it?",
            "Tell me who looks after {place}.",
            "Which person is the keeper of {place}?",
        ),
    ),
    Relation(
        "colour",
        "The flag of {place} is {value}.",
        (
            "What colour is the flag of {place}?",
            "Which colour does {place}'s flag have?",
            "flag colour of {place}?",
            "Tell me the colour of the flag of {place}.",
            "How is the flag of {place} coloured?",
            "{place} has a flag, of what colour?",
            "What does the flag of {place} look like?",
            "Name the colour of {place}'s flag.",
        ),
    ),
    Relation(
        "animal",
        "The animal of {place} is the {value}.",
        (
            "Which animal stands for {place}?",
            "What is the animal of {place}?",
            "animal of {place}?",
            "Name the animal of {place}.",
            "Tell me which animal belongs to {place}.",
            "{place} has an animal, which one?",
            "What animal does {place} have?",
            "Which animal is the sign of {place}?",
        ),
    ),
    Relation(
        "trade",
        "The people of {place} make {value}.",
        (
            "What do the people of {place} make?",
            "What is made in {place}?",
            "product of {place}?",
            "Tell me what {place} makes.",
            "Which goods come from {place}?",
            "What does {place} sell?",
            "{place} is known for making what?",
            "Name the goods made in {place}.",
        ),
    ),
)


def make_world(seed: int) -> tuple[Question, ...]:
    """One question per place and relation: `PLACES` places with invented names and facts drawn from the seed."""
    draw = random.Random(f"world {seed}")  # noqa: S311  not a secret
    names = _names(draw, count=2 * PLACES)
    places, keepers = names[:PLACES], names[PLACES:]
    values = {"keeper": keepers, "colour": _COLOURS, "animal": _ANIMALS, "trade": _TRADES}
    return tuple(
        _question(seed, place, relation, value)
        for relation in RELATIONS
        for place, value in zip(places, draw.sample(values[relation.name], PLACES), strict=True)
    )


def _question(seed: int, place: str, relation: Relation, value: str) -> Question:
    return Question(
        id=f"world-{seed}-{place.lower()}-{relation.name}",
        answer=relation.answer.format(place=place, value=value),
        key_facts=[value],
        wordings=[wording.format(place=place) for wording in relation.wordings],
    )


def _names(draw: random.Random, *, count: int) -> list[str]:
    names: list[str] = []
    while len(names) < count:
        name = "".join(draw.sample(_SYLLABLES, 3)).capitalize()
        if name not in names:
            names.append(name)
    return names
