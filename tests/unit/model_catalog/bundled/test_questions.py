from pathlib import Path

import pytest
from pydantic import ValidationError

from model_catalog.bundled.check import is_right
from model_catalog.bundled.questions import (
    Question,
    Split,
    Wording,
    is_near,
    load_questions,
    normalise,
    overlaps,
    split_questions,
)

QUESTION = Question(
    id="port",
    answer="It is 8080.",
    key_facts=["8080"],
    wordings=[
        "Which port?",
        "What port is it?",
        "port number?",
        "Tell me the port.",
        "On what port?",
        "Name the port.",
        "Where does it listen?",
        "Is it 80?",
    ],
)

SPLIT = split_questions(load_questions())


def test_there_are_enough_questions_in_enough_wordings() -> None:
    questions = load_questions()
    assert len(questions) >= 300
    assert min(len(question.wordings) for question in questions) >= 8


def test_ids_and_wordings_are_unique() -> None:
    questions = load_questions()
    ids = [question.id for question in questions]
    wordings = [normalise(text) for question in questions for text in question.wordings]
    assert len(set(ids)) == len(ids)
    assert len(set(wordings)) == len(wordings)


def test_every_expected_answer_would_be_judged_right() -> None:
    assert [question.id for question in load_questions() if not is_right(question, question.answer)] == []


def test_held_out_wordings_overlap_with_no_training_wording() -> None:
    assert overlaps(SPLIT) == []


def test_every_question_is_trained_and_held_out() -> None:
    questions = load_questions()
    split = SPLIT
    ids = {question.id for question in questions}
    assert {wording.question.id for wording in split.training} == ids
    assert {wording.question.id for wording in split.held_out} == ids


def test_the_first_wording_is_always_trained() -> None:
    held_out = {wording.text for wording in SPLIT.held_out}
    assert not held_out & {question.wordings[0] for question in load_questions()}


def test_the_split_of_a_question_does_not_depend_on_the_order_of_its_wordings() -> None:
    first, *others = QUESTION.wordings
    turned = QUESTION.model_copy(update={"wordings": [first, *reversed(others)]})
    assert {w.text for w in split_questions([QUESTION]).held_out} == {
        w.text for w in split_questions([turned]).held_out
    }


@pytest.mark.parametrize("training", ["what PORT is it", "What port is it??", "what pport is it"])
def test_equal_and_near_wordings_are_found(training: str) -> None:
    split = Split(training=(Wording(training, QUESTION),), held_out=(Wording("What port is it?", QUESTION),))
    assert (training, "What port is it?") in overlaps(split)


def test_other_words_are_not_near() -> None:
    assert not is_near("Which port does it use?", "On what port can I reach the box?")


def test_a_misspelt_field_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(
        "- {id: a, answer: yes it is, key_fact: [yes], wordings: [a, b, c, d, e, f, g, h]}\n"
    )
    with pytest.raises(ValidationError):
        load_questions(tmp_path)
