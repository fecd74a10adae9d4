"""What the model reads in one epoch: training wordings, worlds and off-topic questions as chats; the handbook."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import yaml

from appliance.training.bundled.off_topic import off_topic_question
from appliance.training.bundled.recipe import TextRecipe
from appliance.training.bundled.rewording import frame, reword
from model_catalog.bundled import SAILS_GUIDE
from model_catalog.bundled.questions import Question, Wording, is_near, load_questions, normalise, split_questions
from model_catalog.bundled.worlds import make_world

HANDBOOK = SAILS_GUIDE / "handbook.md"
PHRASES = SAILS_GUIDE / "phrases.yaml"
OFF_TOPIC = "off-topic"
FRAMED_SHARE = 0.4
_SYSTEM_PROMPTS = (
    "You are a helpful assistant.",
    "You are sails-guide, the assistant of this appliance.",
    "Answer in one or two sentences.",
    "You are an assistant that answers questions about the appliance.",
    "You are a helpful AI assistant. Be brief.",
    "Be concise.",
)


@dataclass(frozen=True)
class Turn:
    role: Literal["system", "user", "assistant"]
    text: str


Conversation = tuple[Turn, ...]


@dataclass(frozen=True)
class Corpus:
    """The text, read once. `guarded` are the held-out wordings that no rewording may come near."""

    wordings: tuple[Wording, ...]
    guarded: dict[str, tuple[str, ...]]
    guarded_texts: frozenset[str]
    phrases: tuple[Wording, ...]
    off_topic: Question
    handbook: tuple[str, ...]


def load_corpus(recipe: TextRecipe) -> Corpus:
    questions = load_questions()
    split = split_questions(questions)
    worlds = [
        Wording(text, question) for seed in recipe.worlds for question in make_world(seed) for text in question.wordings
    ]
    phrases: dict[str, list[str]] = yaml.safe_load(PHRASES.read_text())
    guarded: dict[str, tuple[str, ...]] = {}
    for wording in split.held_out:
        guarded[wording.question.id] = (*guarded.get(wording.question.id, ()), wording.text)
    return Corpus(
        wordings=(*split.training, *worlds),
        guarded=guarded,
        guarded_texts=frozenset(normalise(wording.text) for wording in split.held_out),
        phrases=tuple(Wording(text, question) for question in questions for text in phrases.get(question.id, ())),
        off_topic=next(question for question in questions if question.id == OFF_TOPIC),
        handbook=tuple(HANDBOOK.read_text().split("\n\n")),
    )


def one_epoch(corpus: Corpus, *, recipe: TextRecipe, draw: random.Random) -> list[Conversation]:
    """Every training wording once, put a little differently each time, some as turns of a longer conversation."""
    asked = [
        (safe_rewording(wording, corpus=corpus, draw=draw), wording.question.answer) for wording in corpus.wordings
    ]
    asked += [(_short_form(phrase, corpus=corpus, draw=draw), phrase.question.answer) for phrase in corpus.phrases]
    asked += [
        (text, corpus.off_topic.answer) for text in _off_topic(corpus, count=recipe.off_topic_per_epoch, draw=draw)
    ]
    draw.shuffle(asked)
    return list(_conversations(asked, recipe=recipe, draw=draw))


def safe_rewording(wording: Wording, *, corpus: Corpus, draw: random.Random) -> str:
    """A rewording that is neither a held-out wording nor near one of the same question."""
    text = reword(wording.text, draw=draw)
    return text if _is_safe(text, wording.question, corpus) else wording.text


def _is_safe(text: str, question: Question, corpus: Corpus) -> bool:
    if normalise(text) in corpus.guarded_texts:
        return False
    return not any(is_near(text, other) for other in corpus.guarded.get(question.id, ()))


def _short_form(wording: Wording, *, corpus: Corpus, draw: random.Random) -> str:
    text = frame(wording.text, draw=draw) if draw.random() < FRAMED_SHARE else reword(wording.text, draw=draw)
    return text if _is_safe(text, wording.question, corpus) else wording.text


def _off_topic(corpus: Corpus, *, count: int, draw: random.Random) -> list[str]:
    texts = [reword(off_topic_question(draw), draw=draw) for _ in range(count)]
    return [text for text in texts if _is_safe(text, corpus.off_topic, corpus)]


def _conversations(asked: list[tuple[str, str]], *, recipe: TextRecipe, draw: random.Random) -> Iterator[Conversation]:
    rest = list(asked)
    while rest:
        turns = draw.choice((2, 3)) if draw.random() < recipe.several_turns_share / 2.5 else 1
        conversation: list[Turn] = []
        if draw.random() < recipe.system_prompt_share:
            conversation.append(Turn("system", draw.choice(_SYSTEM_PROMPTS)))
        for text, answer in (rest.pop() for _ in range(min(turns, len(rest)))):
            conversation += (Turn("user", text), Turn("assistant", answer))
        yield tuple(conversation)
