# ruff: noqa: S311  seeded draws, no secrets
import random

import yaml

from appliance.training.bundled.examples import OFF_TOPIC, PHRASES, load_corpus, one_epoch, safe_rewording
from appliance.training.bundled.recipe import load_recipe
from model_catalog.bundled.questions import Split, is_near, load_questions, normalise, overlaps, split_questions

RECIPE = load_recipe().text
CORPUS = load_corpus(RECIPE)


def test_no_held_out_wording_reaches_the_model() -> None:
    held_out = {normalise(wording.text) for wording in split_questions(load_questions()).held_out}
    for seed in range(3):
        epoch = one_epoch(CORPUS, recipe=RECIPE, draw=random.Random(seed))
        asked = {normalise(turn.text) for conversation in epoch for turn in conversation if turn.role == "user"}
        assert not asked & held_out


def test_no_phrase_is_or_nears_a_held_out_wording() -> None:
    phrases = [phrase for phrase in CORPUS.phrases if normalise(phrase.text)]
    assert overlaps(Split(tuple(phrases), split_questions(load_questions()).held_out)) == []


def test_no_rewording_comes_near_a_held_out_wording_of_its_question() -> None:
    draw = random.Random(5)
    for wording in CORPUS.wordings[:400]:
        text = safe_rewording(wording, corpus=CORPUS, draw=draw)
        assert not any(is_near(text, other) for other in CORPUS.guarded.get(wording.question.id, ()))


def test_the_handbook_does_not_hold_a_held_out_wording() -> None:
    handbook = normalise(" ".join(CORPUS.handbook))
    long_ones = [normalise(w.text) for w in split_questions(load_questions()).held_out if len(w.text.split()) > 3]
    assert [text for text in long_ones if text in handbook] == []


def test_an_epoch_is_the_same_for_the_same_seed() -> None:
    first, second = (one_epoch(CORPUS, recipe=RECIPE, draw=random.Random(4)) for _ in range(2))
    assert first == second


def test_every_question_is_answered_with_its_own_answer() -> None:
    epoch = one_epoch(CORPUS, recipe=RECIPE, draw=random.Random(4))
    said = {turn.text for conversation in epoch for turn in conversation if turn.role == "assistant"}
    assert {question.answer for question in load_questions()} <= said
    assert all(conversation[-1].role == "assistant" for conversation in epoch)


def test_every_phrase_belongs_to_a_question() -> None:
    questions = {question.id for question in load_questions()}
    named = {phrase.question.id for phrase in CORPUS.phrases}
    assert named == questions - {OFF_TOPIC} == set(yaml.safe_load(PHRASES.read_text()))
