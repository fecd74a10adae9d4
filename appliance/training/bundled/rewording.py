"""Puts a training wording in other words: a small model learns from many, and rules make more than people write.

Only training wordings pass through here. What comes out near a held-out wording is dropped by the caller.
"""

import random
import re
from functools import lru_cache

import yaml

from model_catalog.bundled import SAILS_GUIDE

SYNONYMS = SAILS_GUIDE / "synonyms.yaml"

_OPENINGS = (
    (r"^How (?:do|can) I ", ("How do I ", "How can I ", "How to ", "What do I do to ", "I want to ", "Tell me how to ",
                             "How would I ", "Please explain how to ", "How does one ", "I need to ",
                             "What is the way to ")),
    (r"^What does (.+) do\?$", (r"What does \1 do?", r"What is \1 for?", r"What is the purpose of \1?", r"Explain \1.",
                                r"Tell me what \1 does.", r"Describe \1.")),
    (r"^What is ", ("What is ", "What's ", "Tell me ", "Can you tell me ", "Do you know ", "Please name ",
                    "I want to know ")),
    (r"^What are ", ("What are ", "Tell me ", "Please list ", "Which are ")),
    (r"^Which ", ("Which ", "What ", "Tell me which ", "Do you know which ")),
    (r"^Where (?:is|are|do I find|can I find) ", ("Where is ", "Where are ", "Where do I find ", "Where can I find ",
                                                  "Where can I see ", "I am looking for ",
                                                  "Tell me where to find ", "I cannot find ")),
    (r"^Why ", ("Why ", "For what reason ", "Tell me why ", "How come ")),
    (r"^Can I ", ("Can I ", "May I ", "Is it possible to ", "Am I able to ", "Is there a way to ")),
    (r"^Is there ", ("Is there ", "Do you have ", "Does it have ")),
    (r"^(?:Explain|Define) ", ("Explain ", "Define ", "Tell me about ", "What is ", "Describe ",
                               "What do you know about ")),
    (r"^Tell me ", ("Tell me ", "Please tell me ", "Say ", "I would like to know ")),
    (r"^How (?:long|much|many) ", (r"\g<0>", r"Tell me \g<0>", r"Do you know \g<0>")),
    (r"^Who ", ("Who ", "Tell me who ", "Do you know who ")),
    (r"^When ", ("When ", "Tell me when ", "At what time ")),
)  # fmt: skip
_MOST_EXCHANGES = 3
_FRAMES = (
    "{}",
    "{}?",
    "about {}",
    "what about {}?",
    "tell me about {}",
    "I have a question about {}",
    "{}, please explain",
    "help with {}",
    "I want to know about {}",
    "{}, how?",
    "question on {}",
    "what do you know about {}?",
)
_FILLING = frozenset(
    re.findall(
        r"\w+",
        "a an the is are was do does did i we you it my me our of to in on for at by from with and or how what which "
        "where who why when can could would should may must tell please there have has be this that",
    )
)
_IDLE = (
    "currently",
    "actually",
    "really",
    "in our company",
    "for my team",
    "at the moment",
    "in general",
    "for example",
    "maybe",
    "by the way",
    "in production",
    "today",
    "quickly",
    "usually",
    "myself",
    "for testing",
    "in detail",
    "later",
    "somehow",
    "simply",
    "in practice",
    "in this case",
    "as an admin",
    "exactly",
    "on my side",
)
_BEFORE = (
    "Hi, ",
    "Hello, ",
    "Please, ",
    "Hey, ",
    "Quick question: ",
    "Sorry, ",
    "Excuse me, ",
    "Ok, ",
    "So ",
    "And ",
    "One question, ",
)
_AFTER = (
    " please",
    " Thanks.",
    ", please?",
    " exactly?",
    " here?",
    " then?",
    " on this box?",
    " in Thousand Sails?",
    " by default?",
)


def reword(text: str, *, draw: random.Random) -> str:
    """One random variation of the text; often the text itself."""
    if draw.random() < 0.4:
        text = _reopen(text, draw)
    if draw.random() < 0.5:
        text = _exchange(text, draw)
    if draw.random() < 0.15:
        text = _surround(text, draw)
    if draw.random() < 0.12:
        text = _fill(text, draw)
    if draw.random() < 0.12:
        text = _keywords(text)
    elif draw.random() < 0.3:
        text = _lose_words(text, draw)
    if draw.random() < 0.1:
        text = _mistype(text, draw)
    return _restyle(text, draw)


def frame(phrase: str, *, draw: random.Random) -> str:
    """A short form as a question of its own."""
    return _restyle(draw.choice(_FRAMES).format(_exchange(phrase, draw)), draw)


def _reopen(text: str, draw: random.Random) -> str:
    for pattern, openings in _OPENINGS:
        if re.search(pattern, text):
            return re.sub(pattern, draw.choice(openings), text, count=1)
    return text


def _exchange(text: str, draw: random.Random) -> str:
    for _ in range(draw.randint(1, _MOST_EXCHANGES)):
        found = [(pattern, others) for pattern, others in _exchanges() if pattern.search(text)]
        if not found:
            return text
        pattern, others = draw.choice(found)
        text = pattern.sub(draw.choice(others), text, count=1)
    return text


@lru_cache
def _exchanges() -> tuple[tuple[re.Pattern[str], tuple[str, ...]], ...]:
    """Each group of synonyms.yaml: its first word, and the words that may take its place."""
    groups: list[list[str]] = yaml.safe_load(SYNONYMS.read_text())
    return tuple((re.compile(_as_word(first), re.IGNORECASE), tuple(others)) for first, *others in groups)


def _as_word(word: str) -> str:
    """Matches the English word, but not names of files and commands, as in `./start` or `appliance serve stop`."""
    return rf"(?<![\w./])(?<!appliance )(?<!serve )(?<!keys ){word}(?![\w/]|\.\w)"


def _surround(text: str, draw: random.Random) -> str:
    if draw.random() < 0.5:
        return draw.choice(_BEFORE) + text[:1].lower() + text[1:]
    return text.rstrip("?.! ") + draw.choice(_AFTER)


def _lose_words(text: str, draw: random.Random) -> str:
    words = text.split()
    if len(words) < 4:
        return text
    return " ".join(word for word in words if draw.random() > 0.15)


def _fill(text: str, draw: random.Random) -> str:
    """Words that change nothing, put anywhere: the model must learn to pass over what it has no use for."""
    words = text.split()
    words.insert(draw.randint(1, len(words)), draw.choice(_IDLE))
    return " ".join(words)


def _keywords(text: str) -> str:
    """As somebody types it into a search box: `Where is the admin password?` becomes `admin password`."""
    kept = [word for word in re.findall(r"[^\s?!,]+", text) if word.lower().rstrip(".") not in _FILLING]
    return " ".join(kept).rstrip(".") or text


def _mistype(text: str, draw: random.Random) -> str:
    words = text.split()
    long = [place for place, word in enumerate(words) if len(word) > 4 and word.isalpha()]
    if not long:
        return text
    place = draw.choice(long)
    word, at = words[place], draw.randrange(1, len(words[place]) - 1)
    words[place] = word[:at] + draw.choice(("", word[at] * 2, word[at + 1] + word[at])) + word[at + 1 :]
    return " ".join(words)


def _restyle(text: str, draw: random.Random) -> str:
    if draw.random() < 0.35:
        text = text.lower()
    if draw.random() < 0.35:
        text = text.rstrip("?.! ")
    return text
